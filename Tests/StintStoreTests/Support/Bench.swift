import Logging
import NIOCore
import NIOPosix
import StintCore
import StintLua
import StintRedis
import StintStore
import StintTesting
import Testing

/// One queue of its own on a real server, two consumers, and a look at the raw keys.
struct Bench: Sendable {
    let store: Store
    let queue: QueueName
    let me: ConsumerID
    let other: ConsumerID

    init(_ client: RedisClient, queue: QueueName? = nil, prefix: String = "stint") throws {
        store = Store(client: client, keys: try Keys(prefix: prefix))
        self.queue = try queue ?? QueueName(RedisServer.uniqueQueue())
        me = try ConsumerID(name: "me")
        other = try ConsumerID(name: "other:1")
    }

    var client: RedisClient { store.client }
    var inspector: Inspector { Inspector(store) }
    func key(_ name: String) -> String { store.keys.queue(queue) + name }

    // MARK: Jobs

    func job(
        _ id: String, priority: Int = 0, due: Due = .now, payload: String? = nil, lease: Duration? = nil,
        maxLapses: Int? = nil,
        isFresh: Bool = false
    ) throws -> NewJob {
        NewJob(
            id: try JobID(id), isFresh: isFresh,
            header: JobHeader(type: "test", priority: priority, lease: lease, maxLapses: maxLapses),
            payload: ByteBuffer(string: payload ?? "payload of \(id)"), due: due
        )
    }

    @discardableResult
    func enqueue(_ ids: String..., priority: Int = 0, due: Due = .now, maxLapses: Int? = nil) async throws
        -> [EnqueueOutcome]
    {
        try await store.enqueue(ids.map { try job($0, priority: priority, due: due, maxLapses: maxLapses) }, on: queue)
    }

    func claim(_ limit: Int = 1000, for consumer: ConsumerID? = nil, lease: Duration = .minutes(30)) async throws
        -> Claim
    {
        try await store.claim(limit, from: queue, for: consumer ?? me, lease: lease)
    }

    /// Claims, and says only which jobs came.
    func claimedIDs(_ limit: Int = 1000) async throws -> [String] {
        try await claim(limit).jobs.map(\.id.rawValue)
    }

    func held(_ limit: Int = 1000, for consumer: ConsumerID? = nil, lease: Duration = .minutes(30)) async throws
        -> [Held]
    {
        try await claim(limit, for: consumer, lease: lease).held
    }

    func nack(
        _ held: Held, _ verdict: Nack.Verdict = .retry, delay: Duration = .zero, maxFailures: Int = 5,
        reason: String = "oops",
        by consumer: ConsumerID? = nil
    ) async throws -> NackOutcome {
        try await store.nack(
            [Nack(held, verdict, delay: delay, maxFailures: maxFailures, reason: reason)], on: queue, by: consumer ?? me
        )[0]
    }

    func detail(_ id: String) async throws -> JobDetail? { try await inspector.job(JobID(id), on: queue) }
    func state(_ id: String) async throws -> JobState? { try await detail(id)?.state }
    func ids(_ state: JobState) async throws -> [String] {
        try await inspector.ids(state, on: queue, limit: 10_000).map(\.rawValue)
    }

    /// Brings a job to a state, by the way that jobs go there.
    func bring(_ id: String, to state: JobState) async throws {
        try await enqueue(id, due: state == .scheduled ? .after(.minutes(3600)) : .now)
        switch state {
        case .ready, .scheduled: break
        case .leased: _ = try await claim()
        case .done: _ = try await store.ack(try await held(), on: queue, by: me)
        case .dead: _ = try await nack(try #require(try await held().first), .reject)
        case .cancelled: _ = try await store.cancel([JobID(id)], on: queue, reason: "test")
        }
        try #require(try await self.state(id) == state)
    }

    // MARK: Redis

    @discardableResult
    func redis(_ name: StaticString, _ arguments: String...) async throws -> RedisReply {
        var command = RedisCommand(name)
        command.append(contentsOf: arguments)
        return try await client.send(command, timeout: .seconds(120))
    }

    @discardableResult
    func eval(_ source: String, _ arguments: [String] = []) async throws -> RedisReply {
        var command = RedisCommand("EVAL")
        command.append(contentsOf: [source, "1", store.keys.queue(queue)] + arguments)
        return try await client.send(command, timeout: .seconds(120))
    }

    /// A script with arguments that the store would not send.
    @discardableResult
    func raw(_ script: Script, _ arguments: [String]) async throws -> RedisReply {
        try await client.call(
            RedisScript(name: script.name, source: script.source, sha1: script.sha1), keys: [store.keys.queue(queue)]
        ) { $0.append(contentsOf: arguments) }
    }

    /// When a job's lease ends, ms since 1970.
    func deadlineMs(_ id: String) async throws -> Double? {
        try await score("leased", id).map { ($0 / 1000).rounded(.down) }
    }

    /// Takes the holder of a job's lease away.
    func forgetHolder(of id: String) async throws {
        let deadline = try #require(try await score("leased", id))
        #expect(try await redis("HDEL", key("leases"), "\(Int64(deadline))").integer == 1)
    }

    func score(_ index: String, _ id: String) async throws -> Double? {
        try await redis("ZSCORE", key(index), id).string.flatMap { Double($0) }
    }

    func wakeMarks() async throws -> Int64? { try await redis("LLEN", key("wake")).integer }

    /// Makes time go by for everything that the queue knows, without anybody waiting: what is due later is due sooner.
    func advance(by duration: Duration) async throws {
        try await eval(
            """
            local ms = tonumber(ARGV[1])
            local shifts = { scheduled = ms, leased = ms * 1000, dead = ms, cancelled = ms, ready = ms * 8 }
            for name, shift in pairs(shifts) do
                local entries = redis.call('ZRANGE', KEYS[1] .. name, 0, -1, 'WITHSCORES')
                for i = 1, #entries, 2 do
                    redis.call('ZADD', KEYS[1] .. name, string.format('%.0f', entries[i + 1] - shift), entries[i])
                end
            end
            for _, id in ipairs(redis.call('HKEYS', KEYS[1] .. 'jobs')) do
                local record = redis.call('HGET', KEYS[1] .. 'jobs', id)
                if string.find(record, '^J[^\\n]*;b=') then
                    redis.call('HSET', KEYS[1] .. 'jobs', id, (string.gsub(record, ';b=(%d+)', function(by)
                        return string.format(';b=%.0f', by - ms)
                    end, 1)))
                end
            end
            local places = redis.call('HGETALL', KEYS[1] .. 'places')
            for i = 1, #places, 2 do
                redis.call('HSET', KEYS[1] .. 'places', places[i], string.format('%.0f', places[i + 1] - ms * 8))
            end
            local leases = redis.call('HGETALL', KEYS[1] .. 'leases')
            redis.call('DEL', KEYS[1] .. 'leases')
            for i = 1, #leases, 2 do
                redis.call('HSET', KEYS[1] .. 'leases', string.format('%.0f', leases[i] - ms * 1000), leases[i + 1])
            end
            local since = redis.call('HGET', KEYS[1] .. 'meta', 'done_since')
            if since then
                redis.call('HSET', KEYS[1] .. 'meta', 'done_since', string.format('%.0f', since - ms))
            end
            """, ["\(duration.wholeMs)"])
    }
}

extension Claim {
    var held: [Held] { jobs.map { Held(id: $0.id, token: $0.token) } }
    var ids: [String] { jobs.map(\.id.rawValue) }
}

/// The connection to the shared server that all tests use.
enum SharedClient {
    private static let task = Task {
        let server = try await RedisServer.shared()
        return try connect(to: server)
    }

    static func get() async throws -> RedisClient { try await task.value }

    static func connect(to server: RedisServer) throws -> RedisClient {
        var configuration = RedisConfiguration(url: try RedisURL(server.url))
        configuration.commandTimeout = .seconds(120)
        return RedisClient(
            configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Logger(label: "test"))
    }
}

/// Runs a test on a queue of its own on the shared server; then checks that nothing is where it must not be.
///
/// - Parameter missingRecords: ids whose records the test itself has taken away.
func withQueue(
    missingRecords: Set<String> = [], sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (Bench) async throws -> Void
) async throws {
    let bench = try Bench(try await SharedClient.get())
    try await body(bench)
    let dump = try await bench.dump()
    #expect(dump.violations(missingRecords: missingRecords) == [], sourceLocation: sourceLocation)
    for name in Dump.names { _ = try await bench.redis("UNLINK", bench.key(name)) }
}

/// The same on a server that nobody else uses.
func withOwnServer(
    configuration: [String] = [], environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (Bench) async throws -> Void
) async throws {
    let server = try await RedisServer.start(configuration: configuration, environment: environment)
    let client = try SharedClient.connect(to: server)
    let result: Result<Void, any Error>
    do {
        let bench = try Bench(client)
        try await body(bench)
        #expect(try await bench.dump().violations() == [], sourceLocation: sourceLocation)
        result = .success(())
    } catch {
        result = .failure(error)
    }
    await client.close()
    try await server.stop()
    try result.get()
}

/// The unit of these tests: no machine is so slow that its own time matters beside theirs.
extension Duration {
    static func minutes(_ count: Int64) -> Duration { .seconds(count * 60) }
}
