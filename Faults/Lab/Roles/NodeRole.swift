import ArgumentParser
import Foundation
import Logging
import NIOPosix
import ServiceLifecycle
import Stint
import StintCore
import StintRuntime
import Synchronization
import UnixSignals

/// A process with nodes. Says `started CONSUMER` for each, writes its history, and dies with its input.
struct NodeRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "A node process, for the rows.", shouldDisplay: false)

    @Option var url: String
    @Option var queue: String
    @Option var name: String
    @Option var history: String?
    @Option var ledger: String?
    @Option var concurrency = 4
    @Option var nodes = 1
    @Option var leaseMs = 2000
    @Option var graceMs = 10_000
    @Option var maxLapses = Defaults.maxLapses
    @Option var timeoutMs = 10_000
    /// A step in a job's life (claimed, began, ended, settled) at which the process kills itself, and at which of them.
    @Option var dieAt: String?
    @Option var dieAfter = 1
    @Flag var logs = false

    func run() async throws {
        dieWithInput()
        let logger = logs ? Logger(label: name, factory: { StreamLogHandler.standardError(label: $0) }) : quiet
        let history = try history.map(HistoryFile.init(path:))
        let ledger = try ledger.map(LedgerFile.init(path:))
        let die = dieAt.map { DeathWish(step: $0, after: dieAfter) }
        var services: [StintNode] = []
        var clients: [StintClient] = []
        for index in 0..<nodes {
            let target = try RedisTarget.redis(url).timeouts(command: .milliseconds(timeoutMs))
            let client = try await StintClient(target, logger: logger)
            clients.append(client)
            let configuration = try configuration(index)
            let consumer = configuration.consumer
            services.append(
                try StintNode(client, configuration, WorkHandlers.all) { event in
                    history?.add(event, by: consumer)
                    ledger?.add(event)
                    if case .started = event { say("started \(consumer)") }
                    die?.note(event)
                })
        }
        let group = ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm], logger: logger)
        try await group.run()
        for client in clients { await client.close() }
    }

    private func configuration(_ index: Int) throws -> NodeConfiguration {
        var configuration = NodeConfiguration(
            queues: [.init(try QueueName(queue))], concurrency: concurrency,
            consumer: try ConsumerID(name: nodes == 1 ? name : "\(name)-\(index)"))
        configuration.lease = .milliseconds(leaseMs)
        configuration.grace = .milliseconds(graceMs)
        configuration.maxLapses = maxLapses
        return configuration
    }
}

/// SIGKILL at an exact step, by the process's own hand: no other is quick enough.
private final class DeathWish: Sendable {
    private let step: String
    private let left: Mutex<Int>

    init(step: String, after: Int) {
        self.step = step
        left = Mutex(after)
    }

    func note(_ event: NodeEvent) {
        let reached =
            switch event {
            case .claimed: step == "claimed"
            case .runBegan: step == "began"
            case .runEnded: step == "ended"
            case .settled: step == "settled"
            default: false
            }
        guard reached else { return }
        let isDue = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isDue { kill(getpid(), SIGKILL) }
    }
}

/// A thread and not a task: it must see the end of the laboratory although handlers block every thread of the pool.
func dieWithInput() {
    Thread.detachNewThread {
        while FileHandle.standardInput.availableData.count > 0 {}
        _exit(3)
    }
}
