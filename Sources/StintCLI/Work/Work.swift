import ArgumentParser
import Foundation
import Logging
import Stint
import StintCore
import StintRuntime
import StintStore
import Synchronization

struct Work: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Claim jobs from queues and run them, until Ctrl-C.",
        discussion: """
            --exec runs one process for each job, by /bin/sh -c. The payload is its standard input; its environment \
            has STINT_JOB_ID, STINT_QUEUE, STINT_TYPE, STINT_ATTEMPT, STINT_TOKEN, STINT_IDEMPOTENCY_KEY and \
            STINT_CONSUMER_ID. Exit status 0: the job is done. 65: it can never be done, straight to the dead jobs. \
            Anything else: it failed and is tried again later; the last line of standard error is kept as the reason. \
            Standard output is the result of a job that keeps one, and lines of standard error go to its log. stint once \
            keeps a step of the program from being done again by its next run. \
            When the job is cancelled, the lease is lost, or the grace of a shutdown is over, its process group gets \
            SIGTERM, and SIGKILL after 5 seconds.

            Ctrl-C or SIGTERM: no more claims; running jobs may end within the grace, the rest is handed back. A \
            second one ends the grace at once.

            EXAMPLES
              stint work mail --exec ./send.sh
              stint work urgent=5 bulk=1 --exec 'python3 run.py' --concurrency 16
              stint work --strict urgent bulk --exec ./run.sh
              stint work mail --echo --until-empty
            """
    )

    @Argument(
        help: ArgumentHelp(
            "Queues to work on, with weights: urgent=5 is asked five times as often as bulk=1.",
            valueName: "queue[=weight]"), transform: Self.queue)
    var queues: [NodeConfiguration.Queue]

    @Flag(help: "Claim from a queue only when those before it have nothing.")
    var strict = false

    @Option(help: ArgumentHelp("Run this for each job.", valueName: "command"))
    var exec: String?

    @Flag(help: "Print each job's payload instead of running anything.")
    var echo = false

    @Option(
        help: ArgumentHelp(
            "How many jobs run at the same time. Default: the cores with --exec, four times that with --echo.",
            valueName: "number"))
    var concurrency: Int?

    @Option(
        help: ArgumentHelp(
            "How long after this node's last sign of life others take over its jobs, as 30s. Jobs may run longer.",
            valueName: "duration"),
        transform: Parse.duration)
    var lease: Duration = Defaults.lease

    @Option(
        help: ArgumentHelp("How long running jobs may take to end after a stop, as 25s.", valueName: "duration"),
        transform: Parse.duration)
    var grace: Duration = Defaults.grace

    @Option(help: ArgumentHelp("The node's name. Default: the host's.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Only run jobs of this type; others are handed back. Default: every type.", valueName: "type"),
        transform: Parse.type)
    var type: JobType?

    @Option(
        help: ArgumentHelp(
            "What this node has that others may not have, for node ls. May be given several times.", valueName: "text"))
    var label: [String] = []

    @Option(
        help: ArgumentHelp(
            "The version of what it runs, by which node quiet can choose. Default: that of stint.", valueName: "text"))
    var build: String = Version.current

    @Flag(help: "Stop as soon as the queues have nothing ready, scheduled or leased.")
    var untilEmpty = false

    @Option(
        help: ArgumentHelp(
            "Append every event of the node to this file, one JSON object on each line.", valueName: "file"),
        completion: .file())
    var history: String?

    @Flag(help: "Bury jobs whose payload is not encrypted; see --payload-keys.")
    var encryptedOnly = false

    @Flag(help: "With --echo: print the payloads of sensitive jobs, too.")
    var reveal = false

    @OptionGroup(title: "Payload options") var keys: PayloadKeyOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if strict, queues.contains(where: { $0.weight != 1 }) {
            throw ValidationError("With --strict the order of the queues counts, and no weights.")
        }
        if (exec == nil) != echo { throw ValidationError("Give one of --exec and --echo.") }
        if reveal, !echo { throw ValidationError("--reveal goes with --echo.") }
        if output.json, exec != nil {
            throw ValidationError("--json goes with --echo: with --exec, the output is the command's.")
        }
    }

    private static func queue(_ text: String) throws -> NodeConfiguration.Queue {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = try Parse.queue(String(parts[0]))
        guard parts.count == 2 else { return NodeConfiguration.Queue(name) }
        guard let weight = Int(parts[1]), (1...1000).contains(weight) else {
            throw ValidationError("A weight is a number from 1 to 1000.")
        }
        return NodeConfiguration.Queue(name, weight: weight)
    }

    func run() async throws {
        let history = try self.history.map(History.init)
        try await redis.withClient(codec: keys.codec(refusesPlain: encryptedOnly)) { client in
            let stop = StopSwitch()
            let configuration = try configuration()
            let narrator = Narrator(
                isLoud: redis.verbose > 0 || (Console.isErrorTerminal && !echo))
            let node = try StintNode(client, configuration, handlers(stop)) { event in
                history?.add(event, by: configuration.consumer)
                narrator.tell(event)
            }
            stop.attach(node)
            let interrupts = Interrupts { number, nth in
                if nth > 2 { (number == SIGINT ? ExitStatus.interrupted : .terminated).exit() }
                narrator.stopping(isUrgent: nth > 1)
                stop.raise(nth > 1 ? (number == SIGINT ? .interrupted : .terminated) : .success)
            }
            defer { withExtendedLifetime(interrupts) {} }
            let names = configuration.queues.map(\.name.rawValue).joined(separator: ", ")
            Console.note(
                "working on \(names) as \(configuration.consumer), \(configuration.concurrency) at a time; Ctrl-C stops"
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                if untilEmpty { group.addTask { await watch(client, stop) } }
                try await node.run()
                group.cancelAll()
            }
            history?.finish()
            if stop.status != .success { throw CommandError.silent(stop.status) }
        }
    }

    private func configuration() throws -> NodeConfiguration {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        var configuration = NodeConfiguration(
            queues: queues, concurrency: concurrency ?? (exec == nil ? 4 * cores : cores),
            consumer: try ConsumerID(name: name ?? StintNode.hostName)
        )
        configuration.isStrict = strict
        configuration.lease = lease
        configuration.grace = grace
        (configuration.build, configuration.labels) = (build, label)
        if exec != nil { configuration.cancelGrace = ExecHandler.killAfter + .seconds(2) }
        return configuration
    }

    private func handlers(_ stop: StopSwitch) -> Handlers {
        let handler: Handler
        if let exec {
            let runner = ExecHandler(
                command: exec, variables: redis.variables.merging(keys.variables) { $1 }, stop: stop)
            handler = Handler { try await runner.run($0) }
        } else {
            let echo = EchoHandler(isJSON: output.json, reveals: reveal, stop: stop)
            handler = Handler { try await echo.run($0) }
        }
        return type.map { Handlers([$0: handler]) } ?? Handlers(fallback: handler)
    }

    /// Stops the node once there is nothing to do for anybody.
    private func watch(_ client: StintClient, _ stop: StopSwitch) async {
        while !Task.isCancelled {
            var rest = 0
            for queue in queues {
                // An outage is not the end of the work.
                guard let stats = try? await client.stats(of: queue.name) else {
                    rest += 1
                    break
                }
                rest += stats.ready + stats.scheduled + stats.leased
            }
            if rest == 0 { return stop.raise(.success) }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }
}

/// Stops the node from wherever it turns out that it has to: signals, handlers, the watch over the queues.
final class StopSwitch: Sendable {
    private struct State {
        var node: StintNode?
        var status = ExitStatus.success
    }

    private let state = Mutex(State())

    /// How the command ends.
    var status: ExitStatus { state.withLock { $0.status } }

    func attach(_ node: StintNode) { state.withLock { $0.node = node } }

    /// The first failure stays; a second call ends the grace of running jobs, unless it says the same again: many jobs
    /// may find out that nobody reads their output.
    func raise(_ status: ExitStatus) {
        let node = state.withLock { state -> StintNode? in
            if status == .brokenPipe, state.status == .brokenPipe { return nil }
            if state.status == .success { state.status = status }
            return state.node
        }
        node?.stop()
    }
}
