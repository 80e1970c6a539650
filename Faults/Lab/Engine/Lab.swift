import FaultChecker
import Foundation
import Stint
import StintBench
import StintCore
import StintLocal
import StintRedis
import StintTesting
import Synchronization

/// The world of one row: a directory, a server, processes, and what the laboratory does to them. It ends with the row.
final class Lab: Sendable {
    static let queue: QueueName = "faults"

    struct State {
        var server: PrivateRedis?
        var client: StintClient?
        var nodes: [LabNode] = []
        var producers: [LabProducer] = []
        var keepers: [Task<Void, Never>] = []
        var proxies: [FaultProxy] = []
        var cleanups: [@Sendable () async -> Void] = []
        var notes: [String] = []
        var accusations: [String] = []
        var complaints: [String]?
        var random: SeededGenerator
        var counts: [String: Int] = [:]
        var isEnding = false
    }

    let directory: String
    let seed: UInt64
    let isVerbose: Bool
    let state: Mutex<State>
    private let history: HistoryFile

    init(_ name: String, seed: UInt64, isVerbose: Bool) throws {
        directory = NSTemporaryDirectory() + "stint-faults-\(getpid())-\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        history = try HistoryFile(path: directory + "/lab.jsonl")
        self.seed = seed
        self.isVerbose = isVerbose
        state = Mutex(State(random: SeededGenerator(seed: seed)))
    }

    // MARK: The server

    var server: PrivateRedis {
        state.withLock { state in
            guard let server = state.server else { preconditionFailure("the row has started no server") }
            return server
        }
    }

    /// To the server itself, whatever stands between it and the nodes.
    var client: StintClient {
        state.withLock { state in
            guard let client = state.client else { preconditionFailure("the row has started no server") }
            return client
        }
    }

    func startServer(_ options: PrivateRedis.Options = .init(persistence: .aofEverysec)) async throws {
        let server = try PrivateRedis(options)
        state.withLock { $0.server = server }
        try await server.start()
        var target = try RedisTarget.redis(server.url).timeouts(command: .seconds(3)).allowingEviction()
        target.repeatFor = .seconds(2)
        let client = try await StintClient(target, logger: quiet)
        state.withLock { $0.client = client }
    }

    func killServer() async throws {
        log(.fault, "server kill")
        try await server.kill()
    }

    func serverIsBack() async throws {
        try await server.start()
        log(.fault, "server up")
    }

    func freezeServer(for time: Duration) async throws {
        server.freeze()
        log(.fault, "server freeze")
        defer {
            server.thaw()
            log(.fault, "server up")
        }
        try await wait(time)
    }

    @discardableResult
    func redis(_ name: StaticString, _ arguments: String...) async throws -> [String] {
        var command = RedisCommand(name)
        command.append(contentsOf: arguments)
        let reply = try await client.redis.send(command)
        func text(_ reply: RedisReply) -> String { reply.string ?? reply.integer.map { "\($0)" } ?? "" }
        return reply.count > 0 ? reply.children.map(text) : [text(reply)]
    }

    func proxy() async throws -> FaultProxy {
        let proxy = try await FaultProxy(to: .unix(server.socketPath))
        state.withLock { $0.proxies.append(proxy) }
        return proxy
    }

    // MARK: Time and chance

    /// What a fault lasts.
    func wait(_ time: Duration) async throws { try await Task.sleep(for: time) }

    func random(_ range: ClosedRange<Int>) -> Int { state.withLock { Int.random(in: range, using: &$0.random) } }

    func random(ms range: ClosedRange<Int>) -> Duration { .milliseconds(random(range)) }

    func pick<Element>(_ elements: [Element]) -> Element { elements[random(0...(elements.count - 1))] }

    /// Asks again and again. A server that does not answer is no answer.
    @discardableResult
    func until(_ limit: Duration, _ condition: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now.advanced(by: limit)
        while ContinuousClock.now < end {
            try Task.checkCancellation()
            if (try? await condition()) == true { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    func stats() async throws -> QueueStats { try await client.stats(of: Self.queue) }

    /// Waits until all producers have ended and nothing is left to do. What is left after the limit is judged by the checks.
    func drain(_ limit: Duration = .seconds(60)) async throws {
        let producers = state.withLock { $0.producers }
        try await until(limit) { producers.allSatisfy { !$0.process.isRunning } }
        let isEmpty = try await until(limit) {
            let stats = try await self.stats()
            return stats.ready + stats.scheduled + stats.leased == 0
        }
        if !isEmpty { note("not drained after \(limit)") }
    }

    // MARK: Notes

    func log(_ operation: Event.Operation, _ how: String, consumer: String? = nil, _ note: String? = nil) {
        add(Event(operation, .info, mono: ProcessUse.monotonicNs, consumer: consumer, how: how, note: note))
    }

    func add(_ event: Event) {
        history.add(event)
        if isVerbose, [.fault, .exit].contains(event.op) {
            tell("      \(event.op) \(event.how ?? "") \(event.consumer ?? "") \(event.note ?? "")")
        }
    }

    /// For the table.
    func note(_ text: String) { state.withLock { $0.notes.append(text) } }

    /// What breaks a promise and is in no history; the row goes on, so that its figures are known.
    func accuse(_ text: String) { state.withLock { $0.accusations.append(text) } }

    /// Runs at the end of the row, whatever happened, in reverse order.
    func atEnd(_ body: @escaping @Sendable () async -> Void) { state.withLock { $0.cleanups.append(body) } }

    func count(_ name: String) -> Int {
        state.withLock { state in
            state.counts[name, default: 0] += 1
            return state.counts[name, default: 0]
        }
    }
}
