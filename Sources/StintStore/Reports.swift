public import NIOCore
public import StintCore
import StintRedis

/// A queue at a glance.
public struct QueueStats: Hashable, Sendable {
    public let name: QueueName
    /// How many jobs are in each state now.
    public let ready, scheduled, leased, dead, done, cancelled: Int
    /// How many there ever were, since the queue's first job.
    public let enqueuedTotal, ackedTotal, nackedTotal, lapsedTotal, releasedTotal, deadTotal, cancelledTotal,
        redrivenTotal: Int
    public let isPaused: Bool
    /// Which of the ready jobs run first.
    public let order: QueueOrder
    /// The order was changed, and not all ready jobs are where it wants them.
    public let isReordering: Bool
    /// How long the job that has been ready longest has been waiting; `nil` = none is ready. In a queue of aged jobs: the one
    /// that runs next; in one ordered by deadlines: the one of those without.
    public let oldestReady: Duration?
    /// Until the next scheduled job is due; `nil` = none is scheduled.
    public let dueIn: Duration?
    /// Until the next lease runs out; zero = one has, and waits for a reaper; `nil` = none is leased.
    public let lapseIn: Duration?

    /// - Parameter values: by the names of the script `stats`.
    package init(name: QueueName, order: QueueOrder, _ values: [String: Int64]) {
        func count(_ name: String) -> Int { Int(values[name] ?? 0) }
        func ms(_ name: String) -> Duration? { (values[name] ?? -1) < 0 ? nil : .milliseconds(values[name] ?? 0) }
        self.name = name
        self.ready = count("ready")
        self.scheduled = count("scheduled")
        self.leased = count("leased")
        self.dead = count("dead")
        self.done = count("done")
        self.cancelled = count("cancelled")
        self.enqueuedTotal = count("enqueued_total")
        self.ackedTotal = count("acked_total")
        self.nackedTotal = count("nacked_total")
        self.lapsedTotal = count("lapsed_total")
        self.releasedTotal = count("released_total")
        self.deadTotal = count("dead_total")
        self.cancelledTotal = count("cancelled_total")
        self.redrivenTotal = count("redriven_total")
        self.isPaused = count("paused") == 1
        self.order = order
        self.isReordering = count("reordering") == 1
        self.oldestReady = ms("oldest_ready_ms")
        self.dueIn = ms("due_in_ms")
        self.lapseIn = ms("lapse_in_ms")
    }
}

/// All that is known of one job.
public struct JobDetail: Sendable {
    public let id: JobID
    public let queue: QueueName
    /// The server's clock at the time of the look.
    public let serverMs: Int64
    /// `nil` = no job of this id is known.
    public let state: JobState?
    /// Due time (scheduled), deadline (leased) or when it ended (dead, cancelled), ms since 1970; `nil` when ready.
    public let whenMs: Int64?
    /// Its type and options. `nil` when the record is gone.
    public let header: JobHeader?
    /// `nil` when the record is gone, as that of a done job.
    public let payload: ByteBuffer?
    public let tries: Tries
    /// How its last attempts ended, the oldest first, at most ten; those that were acked or released are no part of it.
    public let history: [JobAttempt]
    public let token: Token?
    public let consumer: ConsumerID?
    /// Somebody wants it cancelled, its node has not been told yet.
    public let cancelReason: String?
    /// The unique key that it was enqueued with. A job that has ended, or that held it until it was started, holds it no more.
    public let uniqueKey: String?

    package init(
        id: JobID, queue: QueueName, serverMs: Int64, state: JobState?, whenMs: Int64? = nil, header: JobHeader? = nil,
        payload: ByteBuffer? = nil, tries: Tries = .none, token: Token? = nil, consumer: ConsumerID? = nil,
        cancelReason: String? = nil, uniqueKey: String? = nil, history: [JobAttempt] = []
    ) {
        self.id = id
        self.queue = queue
        self.serverMs = serverMs
        self.state = state
        self.whenMs = whenMs
        self.header = header
        self.payload = payload
        self.tries = tries
        self.token = token
        self.consumer = consumer
        self.cancelReason = cancelReason
        self.uniqueKey = uniqueKey
        self.history = history
    }

    init(id: JobID, queue: QueueName, serverMs: Int64, _ fields: [RedisReply]) {
        func text(_ index: Int) -> String? {
            guard index < fields.count, let text = fields[index].string, !text.isEmpty else { return nil }
            return text
        }
        self.id = id
        self.queue = queue
        self.serverMs = serverMs
        self.state = text(0).flatMap(JobState.init(rawValue:))
        self.whenMs = state == .ready ? nil : text(1).flatMap { Double($0) }.flatMap { Int64(exactly: $0.rounded()) }
        var record = fields.count > 2 ? fields[2].bytes : nil
        if record?.readableBytes == 0 { record = nil }
        var cache = HeaderCache()
        self.header = if var found = record { try? cache.take(from: &found, into: &record) } else { nil }
        self.payload = record
        self.tries = text(3).map(Tries.init(decoding:)) ?? .none
        let lease = text(4)?.split(separator: ":", maxSplits: 1)
        self.token = lease?.first.flatMap { Int64($0) }.map(Token.init(rawValue:))
        self.consumer = lease.flatMap { $0.count == 2 ? ConsumerID(parsing: $0[1]) : nil }
        self.cancelReason = text(5)
        self.uniqueKey = text(6).map { String($0.dropFirst(2)) }
        self.history = text(7).map(JobAttempt.decode) ?? []
    }
}

extension HeaderCache {
    fileprivate mutating func take(from record: inout ByteBuffer, into rest: inout ByteBuffer?) throws(StintError)
        -> JobHeader
    {
        let header = try take(from: &record)
        rest = record
        return header
    }
}

/// A node as the register knows it.
package struct NodeEntry: Sendable {
    package let consumer: ConsumerID
    package let lastBeatAgo: Duration
    /// JSON, as the node wrote it.
    package let about: String
}
