import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import Stint
import StintCore
import StintRuntime
import StintStore
import Synchronization
import UnixSignals

/// A node in a process of its own, for tests that stop, freeze and kill it.
///
/// Its arguments are `key=value`: `url`, `queue`, `name`, `lease`, `grace` (both ms), `concurrency`, and `stop-at`, a step in
/// a job's life (`claimed`, `began`, `ended`, `settled`) at which the process freezes itself by SIGSTOP.
/// It writes one line for each event, `event job token attempt detail`, and dies with its standard input.
///
/// Jobs of type `gate` wait for SIGUSR1, those of type `block` keep their thread for as many ms as their payload says, and
/// those of type `steps` note a step, during which they freeze when their payload says `freeze`, and wait then; those of any
/// other type return at once.
@main
struct TestNode {
    static func main() async throws {
        dieWithInput()
        let gate = Gate()
        let signals = await UnixSignalsSequence(trapping: .sigusr1)
        let opener = Task { for await _ in signals { gate.open() } }
        defer { opener.cancel() }
        let arguments = Arguments(CommandLine.arguments.dropFirst())
        let logger = Logger(label: "testnode", factory: { _ in SwiftLogNoOpLogHandler() })
        let client = try await StintClient(.redis(arguments["url"]), logger: logger)
        var configuration = NodeConfiguration(
            queues: [.init(try QueueName(arguments["queue"]))], concurrency: try arguments.number("concurrency"),
            consumer: try ConsumerID(name: arguments["name"]))
        configuration.lease = .milliseconds(try arguments.number("lease"))
        configuration.grace = .milliseconds(try arguments.number("grace"))
        let handlers = Handlers(
            [
                "gate": Handler { _ in try await gate.pass() },
                "steps": Handler { context in
                    let who = try await context.once("first") { key in
                        say("effect \(context.id) \(key)")
                        if String(buffer: context.payload) == "freeze" { raise(SIGSTOP) }
                        return "\(ProcessInfo.processInfo.processIdentifier)"
                    }
                    say("result \(context.id) \(who)")
                    try await gate.pass()
                },
                "block": Handler { context in
                    _ = poll(nil, 0, Int32(String(buffer: context.payload)) ?? 0)
                },
            ], fallback: Handler { _ in })
        let report = Report(stopAt: arguments["stop-at"])
        let node = try StintNode(client, configuration, handlers, observer: { report.write($0) })
        let group = ServiceGroup(services: [node], gracefulShutdownSignals: [.sigterm], logger: logger)
        try await group.run()
        await client.close()
    }

    /// A thread and not a task: it must see the end of the test although handlers block every thread of the pool.
    private static func dieWithInput() {
        Thread.detachNewThread {
            while FileHandle.standardInput.availableData.count > 0 {}
            _exit(3)
        }
    }
}

struct Arguments {
    private let values: [String: String]

    init(_ arguments: ArraySlice<String>) {
        values = Dictionary(
            uniqueKeysWithValues: arguments.map { argument in
                let pair = argument.split(separator: "=", maxSplits: 1)
                return (String(pair[0]), pair.count == 2 ? String(pair[1]) : "")
            })
    }

    subscript(key: String) -> String { values[key] ?? "" }

    func number(_ key: String) throws(StintError) -> Int {
        guard let number = Int(self[key]) else {
            throw .invalidArgument("start a test node", "\(key) is no number", advice: "Give it as \(key)=1.")
        }
        return number
    }
}

/// Where handlers wait for the signal.
final class Gate: Sendable {
    private let waiters = Mutex<[AsyncStream<Never>.Continuation]?>([])

    /// - Throws: `CancellationError`.
    func pass() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        waiters.withLock { waiters in
            if waiters == nil { continuation.finish() } else { waiters?.append(continuation) }
        }
        for await _ in stream {}
        try Task.checkCancellation()
    }

    /// Once and for all.
    func open() {
        let open = waiters.withLock { waiters in
            defer { waiters = nil }
            return waiters ?? []
        }
        for waiter in open { waiter.finish() }
    }
}

/// Writes what happens, whole lines, from the thread on which it happens.
struct Report: Sendable {
    let stopAt: String

    func write(_ event: NodeEvent) {
        switch event {
        case .started: line("started")
        case .claimed(let jobs, _): for job in jobs { line("claimed", job) }
        case .runBegan(let job, _): line("began", job)
        case .runEnded(let job, _, let settle): line("ended", job, "\(settle)")
        case .handedBack(let job, _, let settle): line("handed-back", job, "\(settle)")
        case .settled(let job, _, let settle): line("settled", job, "\(settle)")
        case .refused(let job, _, let settle, let refusal): line("refused", job, "\(refusal) \(settle)")
        case .abandoned(let job, _, let settle): line("abandoned", job, "\(settle)")
        case .handlerAbandoned(let job, _, let settle): line("given-up", job, "\(settle)")
        case .leaseLost(let job, _): line("lost", job)
        case .lapsed(let lapse, _): line("lapsed \(lapse.id)")
        case .recovered(let count, _): line("recovered \(count)")
        case .gone(let consumer, let leases): line("gone \(consumer) \(leases)")
        case .stopping: line("stopping")
        case .stopped: line("stopped")
        }
    }

    private func line(_ name: String, _ job: ClaimedJob, _ detail: String = "") {
        line("\(name) \(job.id) \(job.token) \(job.tries.attempt) \(detail)")
        // Of this thread, and not by kill(): another thread may take that one, and this one go on to the next step.
        if name == stopAt { raise(SIGSTOP) }
    }

    private func line(_ text: String) { say(text) }
}

private func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
}
