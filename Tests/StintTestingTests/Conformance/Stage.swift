import Logging
import NIOCore
import NIOPosix
import StintCore
import StintRedis
import StintStore
import StintTesting
import Testing
import stint_model

/// The stores that have to behave alike.
enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case redis, memory

    var testDescription: String { rawValue }
}

/// One queue on one of the stores, two consumers, and a clock that stands still until it is set.
struct Stage: Sendable {
    static let startUs: Int64 = 1_800_000_000_000_000

    let store: any JobStore
    let reader: any JobReader
    let queue: QueueName
    let me: ConsumerID
    let other: ConsumerID
    private let clock: Clock

    private enum Clock: Sendable {
        case redis(ArgumentClock)
        case memory(MemoryStore)
    }

    init(_ kind: Kind) async throws {
        queue = try QueueName(RedisServer.uniqueQueue("conformance"))
        (me, other) = (try ConsumerID(name: "me"), try ConsumerID(name: "other:1"))
        switch kind {
        case .redis:
            let clock = ArgumentClock()
            let store = Store(client: try await SharedClient.get(), keys: try Keys(), stage: clock.stage)
            (self.store, reader, self.clock) = (store, Inspector(store), .redis(clock))
        case .memory:
            let store = MemoryStore(nowUs: Self.startUs)
            (self.store, reader, clock) = (store, store, .memory(store))
        }
        setUs(Self.startUs)
    }

    func setUs(_ nowUs: Int64) {
        switch clock {
        case .redis(let clock): clock.set(us: nowUs)
        case .memory(let store): store.nowUs = nowUs
        }
    }

    /// The clock stands at this many ms after its start.
    func at(ms: Int64) { setUs(Self.startUs + ms * 1000) }

    // MARK: Jobs

    func job(
        _ id: String, priority: Int = 0, due: StintStore.Due = .now, lease: Duration? = nil, maxLapses: Int? = nil,
        isFresh: Bool = false
    ) -> NewJob {
        NewJob(
            id: JobID(unchecked: id), isFresh: isFresh,
            header: JobHeader(type: "test", priority: priority, lease: lease, maxLapses: maxLapses),
            payload: ByteBuffer(string: "payload of \(id)"), due: due)
    }

    @discardableResult
    func enqueue(
        _ ids: String..., priority: Int = 0, due: StintStore.Due = .now, lease: Duration? = nil, maxLapses: Int? = nil
    )
        async throws -> [EnqueueOutcome]
    {
        try await enqueue(ids.map { job($0, priority: priority, due: due, lease: lease, maxLapses: maxLapses) })
    }

    @discardableResult
    func enqueue(_ jobs: [NewJob]) async throws -> [EnqueueOutcome] {
        try await store.enqueue(jobs, on: queue, timeout: nil)
    }

    func claim(_ limit: Int = 1000, for consumer: ConsumerID? = nil, lease: Duration = .seconds(10)) async throws
        -> Claim
    {
        try await store.claim(limit, from: queue, for: consumer ?? me, lease: lease)
    }

    func held(_ limit: Int = 1000, for consumer: ConsumerID? = nil, lease: Duration = .seconds(10)) async throws
        -> [Held]
    {
        try await claim(limit, for: consumer, lease: lease).held
    }

    func ack(_ jobs: [Held], by consumer: ConsumerID? = nil) async throws -> Settlement {
        try await store.ack(jobs, on: queue, by: consumer ?? me)
    }

    func nack(
        _ held: Held, _ verdict: Nack.Verdict = .retry, delay: Duration = .zero, maxFailures: Int = 5,
        reason: String = "oops", by consumer: ConsumerID? = nil
    ) async throws -> NackOutcome {
        try await store.nack(
            [Nack(held, verdict, delay: delay, maxFailures: maxFailures, reason: reason)], on: queue, by: consumer ?? me
        )[0]
    }

    func release(_ jobs: [Held], delay: Duration = .zero, by consumer: ConsumerID? = nil) async throws -> Settlement {
        try await store.release(jobs, on: queue, by: consumer ?? me, delay: delay)
    }

    func extend(_ jobs: [Held], lease: Duration = .seconds(10), by consumer: ConsumerID? = nil) async throws
        -> Extension
    {
        try await store.extend(jobs.map { ($0, lease) }, on: queue, by: consumer ?? me, timeout: nil)
    }

    func reap(_ limit: Int = 1000, maxLapses: Int = 3, gone: ConsumerID? = nil) async throws -> Reaping {
        try await store.reap(limit, from: queue, maxLapses: maxLapses, gone: gone)
    }

    func cancel(_ ids: String..., reason: String = "why", by: String = "") async throws -> [CancelOutcome] {
        try await store.cancel(ids.map { JobID(unchecked: $0) }, on: queue, reason: reason, by: by).outcomes
    }

    func redrive(_ ids: String...) async throws -> [RedriveOutcome] {
        try await store.redrive(ids.map { JobID(unchecked: $0) }, on: queue)
    }

    func detail(_ id: String) async throws -> JobDetail {
        try #require(try await reader.jobs([JobID(unchecked: id)], on: queue).first)
    }

    func state(_ id: String) async throws -> JobState? { try await detail(id).state }

    func ids(_ state: JobState) async throws -> [String] {
        try await reader.ids(state, on: queue, offset: 0, limit: 10_000).map(\.rawValue)
    }

    func stats() async throws -> QueueStats { try await reader.stats(of: queue) }

    /// Brings a job to a state, by the way that jobs go there.
    func bring(_ id: String, to state: JobState) async throws {
        try await enqueue(id, due: state == .scheduled ? .after(.seconds(3600)) : .now)
        switch state {
        case .ready, .scheduled: break
        case .leased: _ = try await claim()
        case .done: _ = try await ack(try await held())
        case .dead: _ = try await nack(try #require(try await held().first), .reject)
        case .cancelled: _ = try await cancel(id)
        }
        try #require(try await self.state(id) == state)
    }

    /// A call that both stores refuse for its arguments.
    func expectRefused(
        _ operation: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        let before = try await stats()
        let error = await #expect(throws: StintError.self, sourceLocation: sourceLocation) { try await body() }
        #expect(error?.code == .refused, sourceLocation: sourceLocation)
        #expect(error?.operation == "\(operation) \(queue)", sourceLocation: sourceLocation)
        #expect(error?.message.contains("STINT_ARGUMENTS \(operation)") == true, sourceLocation: sourceLocation)
        #expect(try await stats() == before, "something was changed", sourceLocation: sourceLocation)
    }
}

extension Claim {
    var held: [Held] { jobs.map { Held(id: $0.id, token: $0.token) } }
    var ids: [String] { jobs.map(\.id.rawValue) }
}

extension Settlement {
    var told: [String] { refused.map { "\($0.id) \($0.refusal)" } }
}

extension Extension {
    var told: [String] { refused.map { "\($0.id) \($0.refusal)" } }
}

/// The connection that all tests of this process share.
enum SharedClient {
    private static let task = Task {
        let server = try await RedisServer.shared()
        var configuration = RedisConfiguration(url: try RedisURL(server.url))
        configuration.commandTimeout = .seconds(120)
        return RedisClient(
            configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Logger(label: "test"))
    }

    static func get() async throws -> RedisClient { try await task.value }
}
