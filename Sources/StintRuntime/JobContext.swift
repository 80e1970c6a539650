public import Logging
public import NIOCore
public import StintCore
import StintStore

/// What a handler knows of the job that it runs.
public struct JobContext: Sendable, CustomStringConvertible {
    /// What is the same for all runs of a node.
    final class Surroundings: Sendable {
        let store: any JobStore
        let desk: JobDesk
        let values: ValueCodec
        let logger: Logger
        let consumer: ConsumerID

        init(store: any JobStore, desk: JobDesk, values: ValueCodec, logger: Logger, consumer: ConsumerID) {
            (self.store, self.desk, self.values, self.logger, self.consumer) = (store, desk, values, logger, consumer)
        }
    }

    let lease: HeldLease
    private let node: Surroundings
    private var ownLogger: Logger?
    /// The payload as it was enqueued; decoded, where the client has a codec.
    public internal(set) var payload: ByteBuffer

    init(lease: HeldLease, on node: Surroundings) {
        self.lease = lease
        self.node = node
        self.payload = lease.job.payload
    }

    var store: any JobStore { node.store }
    var desk: JobDesk { node.desk }
    private var values: ValueCodec { node.values }

    /// Which node holds the job.
    public var consumer: ConsumerID { node.consumer }
    public var id: JobID { lease.job.id }
    public var queue: QueueName { lease.queue }
    public var type: JobType { lease.job.header.type }
    public var priority: Int { lease.job.header.priority }
    /// Whether the job was marked as sensitive: keep its payload out of logs.
    public var isSensitive: Bool { lease.job.header.isSensitive }
    /// What the payload was encoded by; `nil` = it was not.
    public var codec: String? { lease.job.header.codec }
    /// The trace in which the job was enqueued, as ``OutgoingJob`` was given it; `nil` = none.
    public var traceContext: String? { lease.job.header.trace }
    /// Which run of the job this is, from 1. Runs that were released are not counted.
    public var attempt: Int { lease.job.tries.attempt }
    /// How often the job has failed before.
    public var failures: Int { lease.job.tries.failures }
    /// How often the job's lease has run out before: each of them may have been a run that is not over yet.
    public var lapses: Int { lease.job.tries.lapses }
    /// The fencing token of this run: higher than that of every run before. Give it to what you write to.
    public var token: Token { lease.job.token }
    /// The same for every run of this job, and for no other job: give it to services that take one.
    public var idempotencyKey: String { "\(queue)/\(id)" }
    /// Until when this node may believe that it holds the lease, on its monotonic clock. Moves with every heartbeat.
    public var deadline: ContinuousClock.Instant { lease.deadline }

    /// Carries as metadata `job`, `queue`, `type`, `attempt`, `token` and `consumer`. Made when it is asked for: most runs log
    /// nothing. A middleware may set another for what it calls.
    public var logger: Logger {
        get {
            if let ownLogger { return ownLogger }
            var logger = node.logger
            logger[metadataKey: "job"] = "\(id)"
            logger[metadataKey: "queue"] = "\(queue)"
            logger[metadataKey: "type"] = "\(type)"
            logger[metadataKey: "attempt"] = "\(attempt)"
            logger[metadataKey: "token"] = "\(token)"
            return logger
        }
        set { ownLogger = newValue }
    }

    /// Which job it is. Never its payload.
    public var description: String { "job \(id) of \(queue), type \(type), attempt \(attempt)" }

    /// Call it right before a side effect: throws when the job may be another's by now.
    ///
    /// It is a look at the local clock, without a round trip. A pause of the process right after it is what ``token`` is for.
    ///
    /// - Throws: ``StintError`` with code `leaseLost`.
    public func assertHeld() throws {
        if lease.cause == .leaseLost || lease.deadline <= lease.now {
            throw leaseIsOver
        }
    }

    /// As it is stored, and back.
    func encoded(_ value: ByteBuffer, _ part: PayloadOwner.Part) async throws -> ByteBuffer {
        try await values.encode(value, part, of: id, lease.job.header, on: queue)
    }

    func decoded(_ stored: ByteBuffer, _ part: PayloadOwner.Part) async throws -> ByteBuffer {
        try await values.decode(stored, part, of: id, on: queue)
    }

    var leaseIsOver: StintError {
        StintError(
            .leaseLost, "run \(id)", "the lease of this run is over, the job may be running elsewhere",
            advice: "Stop without side effects; the other run takes care of the job."
        )
    }
}
