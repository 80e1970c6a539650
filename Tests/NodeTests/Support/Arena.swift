import Foundation
import Logging
import NIOCore
import NIOPosix
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Synchronization
import Testing

/// The world of one test: a server, a client, a queue, nodes, and what they report. It ends with the test.
final class Arena: Sendable {
    let server: RedisServer
    let client: StintClient
    let queue: QueueName
    let log = EventLog()
    private let nodes = Mutex<[RunningNode]>([])
    private let owned = Mutex<[StintClient]>([])
    private let minter = JobIDMinter()

    private init(_ server: RedisServer) async throws {
        self.server = server
        self.queue = try QueueName(RedisServer.uniqueQueue())
        self.client = try await Self.connect(server)
    }

    /// On the server that all tests share: for tests that leave it alone.
    static func run(_ body: (Arena) async throws -> Void) async throws {
        try await run(on: RedisServer.shared(), body)
    }

    /// On a server of its own: for tests that count its commands, freeze it or kill it.
    static func runAlone(
        persistence: RedisServer.Persistence = .none, environment: [String: String] = [:],
        _ body: (Arena) async throws -> Void
    ) async throws {
        let server = try await RedisServer.start(persistence: persistence, environment: environment)
        do {
            try await run(on: server, body)
            try await server.stop()
        } catch {
            try? await server.stop()
            throw error
        }
    }

    private static func run(on server: RedisServer, _ body: (Arena) async throws -> Void) async throws {
        let arena = try await Arena(server)
        do {
            try await body(arena)
            await arena.end()
        } catch {
            arena.server.thaw()
            await arena.end()
            throw error
        }
    }

    private static func connect(
        _ server: RedisServer, commandTimeout: Duration = .seconds(60), repeatFor: Duration? = nil,
        journal: Journal? = nil, codec: (any PayloadCodec)? = nil, middleware: [any EnqueueMiddleware] = []
    ) async throws -> StintClient {
        var target = try RedisTarget.redis(server.url).timeouts(command: commandTimeout)
        if let repeatFor { target.repeatFor = repeatFor }
        let logger = Logger(label: "test") { _ in
            if let journal { JournalHandler(journal) } else { SwiftLogNoOpLogHandler() }
        }
        return try await StintClient(target, logger: logger, codec: codec, middleware: middleware)
    }

    /// A client of its own, as another process would have.
    ///
    /// - Parameters:
    ///   - repeatFor: how long its enqueues repeat what was not confirmed.
    ///   - journal: where its log goes, and that of the nodes which use it.
    func newClient(
        commandTimeout: Duration = .seconds(60), repeatFor: Duration? = nil, journal: Journal? = nil,
        codec: (any PayloadCodec)? = nil, middleware: [any EnqueueMiddleware] = []
    ) async throws -> StintClient {
        let client = try await Self.connect(
            server, commandTimeout: commandTimeout, repeatFor: repeatFor, journal: journal, codec: codec,
            middleware: middleware)
        owned.withLock { $0.append(client) }
        return client
    }

    /// Starts a node with a client of its own.
    ///
    /// - Parameter polls: false = it does what it is woken for, or what its clock tells it, and nothing besides: what happens
    ///   then was no poll, however long it took.
    @discardableResult
    func node(
        _ name: String = "a", concurrency: Int = 4, lease: Duration = .seconds(30), grace: Duration = .seconds(60),
        polls: Bool = true, client: StintClient? = nil, middleware: [any RunMiddleware] = [],
        handlers: [JobType: Handler],
        _ change: (inout NodeConfiguration) -> Void = { _ in }
    ) async throws -> RunningNode {
        var configuration = NodeConfiguration(
            queues: [.init(queue)], concurrency: concurrency, consumer: try ConsumerID(name: name))
        configuration.lease = lease
        configuration.grace = grace
        if !polls { (configuration.lease, configuration.longestPoll) = (.seconds(86_400), .seconds(3600)) }
        change(&configuration)
        let using = if let client { client } else { try await newClient() }
        let node = try StintNode(
            using, configuration, Handlers(handlers), middleware: middleware, observer: log.observer(name))
        let running = RunningNode(node)
        nodes.withLock { $0.append(running) }
        return running
    }

    /// A node with these handlers works while `body` looks on.
    ///
    /// - Parameter client: `nil` = the arena's.
    func serving(
        by client: StintClient? = nil, @HandlerBuilder _ handlers: () -> [JobHandler], _ body: () async throws -> Void
    ) async throws {
        let node = try StintNode(client ?? self.client, queues: [queue], handlers: handlers)
        let running = Task { try await node.run() }
        do { try await body() } catch {
            running.cancel()
            throw error
        }
        node.stop()
        try await running.value
    }

    /// - Parameter queue: `nil` = the arena's.
    @discardableResult
    func enqueue(
        _ type: JobType, _ payload: String = "", on queue: QueueName? = nil, due: Due = .now,
        _ change: (inout JobHeader) -> Void = { _ in }
    ) async throws -> JobID {
        try await enqueue(type, [payload], on: queue, due: due, change)[0]
    }

    @discardableResult
    func enqueue(
        _ type: JobType, _ payloads: [String], on queue: QueueName? = nil, due: Due = .now,
        _ change: (inout JobHeader) -> Void = { _ in }
    ) async throws -> [JobID] {
        var header = JobHeader(type: type)
        change(&header)
        let jobs = minter.mint(payloads.count, atMs: nowMs()).enumerated().map { index, id in
            NewJob(id: id, isFresh: true, header: header, payload: ByteBuffer(string: payloads[index]), due: due)
        }
        return try await client.enqueue(jobs, on: queue ?? self.queue).map(\.id)
    }

    func stats() async throws -> QueueStats { try await client.stats(of: queue) }

    func detail(_ id: JobID) async throws -> JobDetail {
        try #require(await client.inspector.job(id, on: queue), "job \(id) is unknown")
    }

    /// Waits until an idle node listens for marks. On a server of its own only: it counts the server's blocked clients, without those that wait for nudges.
    func waitForListeners(_ count: Int = 1) async throws {
        let isListening = try await eventually {
            let clients = try await self.send("CLIENT", "LIST").string ?? ""
            return clients.split(separator: "\n").count { $0.contains(" flags=b") && !$0.contains("=stint-inbox ") }
                == count
        }
        try #require(isListening, "\(count) nodes should wait for marks")
    }

    /// Makes the server keep all calls that write, unanswered and not yet run. On a server of its own only.
    func holdWrites() async throws { try await send("CLIENT", "PAUSE", "60000", "WRITE") }
    func releaseWrites() async throws { try await send("CLIENT", "UNPAUSE") }

    /// Waits until the server keeps a script call because of ``holdWrites()``.
    func waitForHeldCall() async throws {
        let isHeld = try await eventually {
            let clients = try await self.send("CLIENT", "LIST").string ?? ""
            return clients.split(separator: "\n").contains { $0.contains(" flags=b") && $0.contains(" cmd=evalsha ") }
        }
        try #require(isHeld, "a script call should have arrived")
    }

    /// Makes all leases of the queue end now, whatever their deadlines were. What is held goes on being held until a reaper
    /// comes by.
    func endLeases() async throws {
        try await send(
            "EVAL",
            """
            local deadlines = redis.call('HKEYS', KEYS[1] .. 'leases')
            for i, deadline in ipairs(deadlines) do
                for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'leased', deadline, deadline, 'BYSCORE')) do
                    redis.call('ZADD', KEYS[1] .. 'leased', i, id)
                end
                redis.call('HSET', KEYS[1] .. 'leases', i, redis.call('HGET', KEYS[1] .. 'leases', deadline))
                redis.call('HDEL', KEYS[1] .. 'leases', deadline)
            end
            """, "1", key(""))
    }

    /// Makes all leases of the queue lapse now. A heartbeat may come between the end of a lease and the reaper: then again.
    /// The reaper may also be a node's own.
    func lapseLeases() async throws {
        let before = try await stats().lapsedTotal
        let haveLapsed = try await eventually {
            try await self.endLeases()
            _ = try await self.client.store.reap(from: self.queue)
            return try await self.stats().lapsedTotal > before
        }
        try #require(haveLapsed, "the leases should have lapsed")
    }

    /// Makes a scheduled job due, whatever its time was.
    func makeDue(_ id: JobID) async throws {
        try await send("ZADD", key("scheduled"), "XX", "1", id.rawValue)
    }

    /// A section of INFO, by field.
    func info(_ section: String) async throws -> [String: String] {
        let text = try await send("INFO", section).string ?? ""
        let pairs = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ":", maxSplits: 1) }
        return pairs.reduce(into: [:]) { if $1.count == 2 { $0[String($1[0])] = String($1[1]) } }
    }

    @discardableResult
    func send(_ name: StaticString, _ arguments: String...) async throws -> RedisReply {
        var command = RedisCommand(name)
        command.append(contentsOf: arguments)
        return try await client.store.client.send(command)
    }

    func key(_ name: String, of queue: QueueName? = nil) -> String {
        client.store.keys.queue(queue ?? self.queue) + name
    }

    private func end() async {
        for node in nodes.withLock({ $0 }) {
            node.stop()
            node.stop()
            await node.stopped()
        }
        for client in owned.withLock({ $0 }) { await client.close() }
        await client.close()
    }
}

/// A node, and the task in which it runs.
final class RunningNode: Sendable {
    let node: StintNode
    let task: Task<Void, any Error>

    init(_ node: StintNode) {
        self.node = node
        self.task = Task { try await node.run() }
    }

    func stop() { node.stop() }
    func stopped() async { _ = try? await task.value }
}

/// Lets time pass. For tests of what happens, or does not happen, while it does.
func elapse(_ time: Duration) async {
    await Signal(MultiThreadedEventLoopGroup.singleton.any()).wait(upTo: time)
}

func nowMs() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
