import Foundation
public import Logging
import Metrics
public import NIOCore
import NIOPosix
public import StintCore
import StintRedis
public import StintRuntime
package import StintStore
import Synchronization

/// Puts jobs into queues, and looks after them. Thread-safe; one per process is enough.
///
///     let client = try await StintClient(.redis("redis://127.0.0.1:6379"))
///     let receipt = try await client.enqueue(SendReceipt(order: 7), on: "mail", .in(.seconds(30)))
///     await client.close()
public final class StintClient: Sendable {
    static let maxBytesPerCall = 8 << 20

    /// Where the jobs are: Redis, or the memory of a test.
    let jobs: any JobStore
    private let reader: any JobReader
    /// `nil` = the jobs are in memory, where nobody waits for results.
    let redis: (store: Store, answers: Answers)?
    package let logger: Logger
    private let repeatFor: Duration
    private let minter = JobIDMinter()
    private let opened = Mutex<Set<QueueName>>([])
    /// `nil` = every enqueue is a call of its own: in memory it costs nothing.
    private let gatherer: EnqueueGatherer?
    private let metrics = ClientMetrics(MetricsSystem.factory)
    /// `nil` = jobs are sent as they come.
    package let pipeline: EnqueuePipeline?
    package let codec: (any PayloadCodec)?
    let ears = Ears()

    /// Connects, and checks that the server can be trusted with jobs.
    ///
    /// - Parameters:
    ///   - codec: encodes the payloads of all jobs that this client enqueues, and decodes them for the nodes that use it.
    ///     Default: payloads are stored as they are.
    ///   - middleware: what is called around every enqueue, the first outermost.
    /// - Throws: ``StintError``: `unavailable` when the server cannot be reached in time, `refused` when it does not let us in,
    ///   `unsupportedServer` when it is older than Redis 7.0 or may evict jobs.
    public init(
        _ target: RedisTarget, logger: Logger = Logger(label: "stint"), codec: (any PayloadCodec)? = nil,
        middleware: [any EnqueueMiddleware] = [], eventLoop: (any EventLoop)? = nil
    ) async throws(StintError) {
        let keys = try Keys(prefix: target.keyPrefix)
        let redis = RedisClient(
            target.configuration, eventLoop: eventLoop ?? MultiThreadedEventLoopGroup.singleton.next(), logger: logger
        )
        self.logger = logger
        self.repeatFor = target.repeatFor
        let store = Store(client: redis, keys: keys, durability: target.durability)
        self.jobs = store
        self.reader = Inspector(store)
        self.redis = (store, Answers(store: store, ears: ears))
        self.codec = codec
        self.pipeline = EnqueuePipeline(middleware, codec)
        self.gatherer = EnqueueGatherer(on: LoopExecutor(redis.eventLoop)) { jobs, queue throws(StintError) in
            try await store.enqueue(jobs, on: queue)
        }
        do {
            try await connect(target)
        } catch {
            await redis.close()
            throw error
        }
    }

    /// A client of jobs that are in memory, for tests.
    package init(memory: some JobStore & JobReader, logger: Logger) {
        self.jobs = memory
        self.reader = memory
        self.redis = nil
        self.codec = nil
        self.pipeline = nil
        self.logger = logger
        self.repeatFor = .zero
        self.gatherer = nil
    }

    package var isOnRedis: Bool { redis != nil }

    /// The store, and who waits for results in it, for what only Redis can do.
    ///
    /// - Throws: `invalidArgument` when the jobs are in memory.
    func redis(for operation: @autoclosure () -> String) throws(StintError) -> (store: Store, answers: Answers) {
        guard let redis else {
            throw .invalidArgument(
                operation(), "this client keeps its jobs in memory, which cannot do that",
                advice: "Test it with a real Redis: `RedisServer` of StintTesting starts one.")
        }
        return redis
    }

    /// For who has connected the client, and so knows that the jobs are in Redis.
    package var store: Store {
        guard let redis else { preconditionFailure("this client keeps its jobs in memory, there is no Redis to ask") }
        return redis.store
    }

    package var inspector: Inspector { Inspector(store) }

    private func connect(_ target: RedisTarget) async throws(StintError) {
        var info = ""
        do {
            try await store.client.connect()
            // One by one: before Redis 7.0, which has to be told apart here, INFO takes one section.
            for section in ["server", "memory"] {
                var command = RedisCommand("INFO")
                command.append(section)
                info += try await store.client.send(command).string ?? ""
            }
        } catch {
            guard error.code == .noPermission else { throw StintError(error, doing: "connect to \(target)") }
            logger.warning("INFO is not permitted: the server's version and eviction policy were not checked")
            return
        }
        try ServerCheck(info: info).verify(allowsEviction: target.allowsEviction)
    }

    /// Ends the connections. Calls that are under way end first, or fail: enqueues that were sent with `unconfirmed`, those
    /// that were not with `closed`.
    public func close() async {
        await ears.closeAll()
        await redis?.store.client.close()
    }

    // MARK: Enqueue

    /// Enqueues one job. Concurrent calls for one queue travel together: each has its own receipt or error, and a lone one does
    /// not wait for company.
    ///
    /// Cancelling the task does not take back what was sent: it ends the repeats.
    ///
    /// - Returns: its receipt, once Redis has accepted it.
    /// - Throws: ``StintError``: `invalidArgument`, `payloadTooLarge`, `undecodable`, `queueFull`, `refused`, `unavailable`,
    ///   `hookFailed` when a middleware or the codec refused it, or `unconfirmed` when it may have been accepted or not after repeated attempts: enqueueing it again with the id of
    ///   ``EnqueueOption/id(_:)`` is safe.
    @discardableResult
    public func enqueue<J: JobPayload>(_ job: J, on queue: QueueName, _ options: EnqueueOption...)
        async throws(StintError) -> Receipt
    {
        try await enqueue(NewJob(JobType(J.type), job, options, mint: mint), on: queue)
    }

    /// Enqueues many jobs of one kind. They are accepted in order, in calls of at most 1,000.
    @discardableResult
    public func enqueue<J: JobPayload>(_ jobs: [J], on queue: QueueName, _ options: EnqueueOption...)
        async throws(StintError) -> [Receipt]
    {
        let type = try JobType(J.type)
        var new: [NewJob] = []
        if jobs.count > 1, options.contains(where: \.isForOne) {
            throw .invalidArgument(
                "enqueue \(queue)", "one id, or one unique key, for \(jobs.count) jobs",
                advice: "Enqueue each by a call of its own.")
        }
        for job in jobs { new.append(try NewJob(type, job, options, mint: mint)) }
        return try await enqueue(new, on: queue)
    }

    /// Enqueues one job with a payload of any bytes.
    @discardableResult
    public func enqueue(
        payload: ByteBuffer, type: JobType = .plain, on queue: QueueName, _ options: EnqueueOption...
    ) async throws(StintError) -> Receipt {
        try await enqueue(NewJob(type: type, payload: payload, options, mint: mint), on: queue)
    }

    /// The way of every single enqueue.
    func enqueue(_ job: NewJob, on queue: QueueName) async throws(StintError) -> Receipt {
        guard let pipeline else { return try await send(job, on: queue) }
        return try await pipeline.run([job], on: queue) { jobs throws(StintError) in
            [try await self.send(jobs[0], on: queue)]
        }[0]
    }

    private func send(_ job: NewJob, on queue: QueueName) async throws(StintError) -> Receipt {
        try await open(queue)
        let outcomes = try await untilConfirmed([job], on: queue) { jobs throws(StintError) in
            guard let gatherer = self.gatherer else {
                return try await self.jobs.enqueue(jobs, on: queue, timeout: nil)
            }
            return [try await gatherer.enqueue(jobs[0], on: queue)]
        }
        return Receipt(job, queue, outcomes[0])
    }

    /// The way of every enqueue of many: chunks, in order.
    package func enqueue(_ jobs: [NewJob], on queue: QueueName) async throws(StintError) -> [Receipt] {
        guard let pipeline else { return try await send(jobs, on: queue) }
        return try await pipeline.run(jobs, on: queue) { jobs throws(StintError) in
            try await self.send(jobs, on: queue)
        }
    }

    private func send(_ jobs: [NewJob], on queue: QueueName) async throws(StintError) -> [Receipt] {
        try await open(queue)
        var receipts: [Receipt] = []
        receipts.reserveCapacity(jobs.count)
        var rest = jobs[...]
        while !rest.isEmpty {
            let chunk = Self.call(from: &rest)
            let outcomes = try await untilConfirmed(chunk, on: queue) { jobs throws(StintError) in
                try await self.jobs.enqueue(jobs, on: queue, timeout: nil)
            }
            for (job, outcome) in zip(chunk, outcomes) {
                receipts.append(Receipt(job, queue, outcome))
            }
        }
        return receipts
    }

    /// Cuts off what one call may carry: 1,000 jobs, or as many as have 8 MiB together, at least one. A unique key goes into a
    /// call once, so that the second job hears what it would have heard on its own.
    private static func call(from rest: inout ArraySlice<NewJob>) -> [NewJob] {
        var bytes = 0
        var keys: Set<String> = []
        let call = rest.prefix(Defaults.maxJobsPerCall).prefix { job in
            defer { bytes += job.payload.readableBytes }
            if let key = job.unique?.key, !keys.insert(key).inserted { return false }
            return bytes == 0 || bytes + job.payload.readableBytes <= maxBytesPerCall
        }
        rest = rest.dropFirst(call.count)
        return Array(call)
    }

    /// Repeats what was not confirmed.
    private func untilConfirmed(
        _ jobs: [NewJob], on queue: QueueName, _ send: ([NewJob]) async throws(StintError) -> [EnqueueOutcome]
    ) async throws(StintError) -> [EnqueueOutcome] {
        let end = ContinuousClock.now.advanced(by: repeatFor)
        var jobs = jobs
        var mayHaveRun = false
        var pause = Duration.milliseconds(50)
        while true {
            do {
                var outcomes = try await send(jobs)
                if mayHaveRun { outcomes = zip(jobs, outcomes).map { $0.afterRepeats($1) } }
                metrics?.enqueued(jobs, outcomes, on: queue)
                return outcomes
            } catch {
                if error.code == .unconfirmed {
                    // It may have been accepted: from now on look for finished jobs too. A minted id that is found is ours.
                    mayHaveRun = true
                    for index in jobs.indices { jobs[index].isFresh = false }
                }
                guard error.isPassing, ContinuousClock.now < end, !Task.isCancelled else {
                    metrics?.failed(jobs, on: queue)
                    throw mayHaveRun ? Self.unconfirmed(error, jobs) : error
                }
                try? await Task.sleep(for: pause * Double.random(in: 0.5..<1.5))
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    /// Whatever the last attempt met, an earlier one may have come through.
    private static func unconfirmed(_ error: StintError, _ jobs: [NewJob]) -> StintError {
        let ids =
            jobs.count == 1 ? "the id \(jobs[0].id)" : "the same ids (\(jobs[0].id) to \(jobs[jobs.count - 1].id))"
        return StintError(
            .unconfirmed, error.operation, "accepted or not, it was not confirmed: \(error.message)",
            advice: "Enqueueing again with \(ids) is safe: a job that is there is not accepted twice.",
            underlying: error
        )
    }

    /// Before the first use of a queue. Only a queue of another version is an error: what cannot be reached now is looked at
    /// again with the next use.
    func open(_ queue: QueueName) async throws(StintError) {
        if opened.withLock({ $0.contains(queue) }) { return }
        do {
            try await jobs.open(queue)
            opened.withLock { _ = $0.insert(queue) }
        } catch {
            if error.code == .unsupportedServer { throw error }
            logger.debug("queue not opened", metadata: ["queue": "\(queue)", "error": "\(error)"])
        }
    }

    func mint() -> JobID { minter.mint(atMs: Self.wallMs) }

    /// Fresh ids that rise.
    package func mint(_ count: Int) -> [JobID] {
        minter.mint(count, atMs: Self.wallMs)
    }

    private static var wallMs: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    // MARK: Look after

    /// Brings a dead or cancelled job back: ready now, with all its tries before it.
    @discardableResult
    public func redrive(_ id: JobID, on queue: QueueName) async throws(StintError) -> RedriveOutcome {
        try await jobs.redrive([id], on: queue).first ?? .unknown
    }

    /// Stops the claims of a queue in the whole cluster; running jobs go on.
    public func pause(_ queue: QueueName) async throws(StintError) {
        _ = try await jobs.pause(true, queue)
    }

    public func resume(_ queue: QueueName) async throws(StintError) {
        _ = try await jobs.pause(false, queue)
    }

    /// A queue at a glance.
    public func stats(of queue: QueueName) async throws(StintError) -> QueueStats {
        try await reader.stats(of: queue)
    }

    /// The queues that were ever used, sorted.
    public func queues() async throws(StintError) -> [QueueName] {
        try await reader.queues()
    }

    /// All that is known of a job; `nil` = no job of this id is known.
    public func job(_ id: JobID, on queue: QueueName) async throws(StintError) -> JobDetail? {
        try await reader.jobs([id], on: queue).first.flatMap { $0.state == nil ? nil : $0 }
    }

    /// The leases that a consumer holds.
    func leases(of consumer: ConsumerID, on queue: QueueName) async throws(StintError) -> [Held] {
        try await reader.leases(of: consumer, on: queue)
    }

    /// Where a job is; `nil` = no job of this id is known.
    public func state(of id: JobID, on queue: QueueName) async throws(StintError) -> JobState? {
        try await reader.jobs([id], on: queue).first?.state
    }
}

extension NewJob {
    /// What an outcome means when an attempt before may have been the one that was heard: a minted id that exists is ours.
    fileprivate func afterRepeats(_ outcome: EnqueueOutcome) -> EnqueueOutcome {
        if case .exists = outcome, isMinted { return .accepted }
        return outcome
    }
}

/// What one gets for an enqueue.
public struct Receipt: Hashable, Sendable {
    /// The job that was enqueued. Of a unique one that was refused with ``UniqueConflict/existing``, or has replaced another's
    /// payload, the job that has the key.
    public let id: JobID
    public let queue: QueueName
    public let outcome: EnqueueOutcome

    /// False when a job of this id existed already, or another has the unique key; nothing about it was changed.
    public var isAccepted: Bool { outcome.isAccepted }

    init(_ job: NewJob, _ queue: QueueName, _ outcome: EnqueueOutcome) {
        self.queue = queue
        self.outcome = outcome
        self.id =
            switch outcome {
            case .replaced(let holder, _): holder
            case .taken(let holder, _) where job.unique?.conflict == .existing: holder
            default: job.id
            }
    }
}
