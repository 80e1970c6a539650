import ArgumentParser
import Stint
import StintCore
import StintStore

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Queues: list, order, pause, resume, purge, events.",
        subcommands: [
            List.self, Order.self, Pause.self, Resume.self, Purge.self, QueueEventsCommand.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "The names of the queues that were ever used.")
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws {
            try await redis.withClient { client in
                let queues = try await client.queues()
                guard output.json else { return try Console.write(queues.map { $0.rawValue + "\n" }.joined()) }
                var all: [JSON] = []
                for queue in queues { all.append(try await client.stats(of: queue).json) }
                try Console.write(JSON.object([("queues", .array(all))]).text + "\n")
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop the claims of queues in the whole cluster; running jobs go on.")
        @OptionGroup var target: PauseTarget

        func run() async throws { try await target.set(true) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let paused queues go on.")
        @OptionGroup var target: PauseTarget

        func run() async throws { try await target.set(false) }
    }

    struct PauseTarget: ParsableArguments {
        @Argument(help: "The queues.", transform: Parse.queue)
        var queues: [QueueName]

        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func set(_ isPaused: Bool) async throws {
            try await redis.withClient { client in
                var results: [(QueueName, changed: Bool)] = []
                for queue in queues { results.append((queue, try await client.store.pause(isPaused, queue))) }
                let list = results.map { queue, changed in
                    JSON.object([
                        ("name", .string(queue.rawValue)), ("paused", .bool(isPaused)), ("changed", .bool(changed)),
                    ])
                }
                let word = isPaused ? "paused" : "running"
                try output.print(
                    .object([("queues", .array(list))]),
                    else: results.map { "\($0) is \(word)" + ($1 ? "" : ", as it was") + "\n" }.joined())
            }
        }
    }

    struct Purge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete the jobs of some states for good.",
            discussion: "Leased jobs belong to their nodes: cancel them instead.")

        @Argument(help: "The queue.", transform: Parse.queue)
        var queue: QueueName

        @Option(
            help: ArgumentHelp(
                "ready, scheduled, dead, done, cancelled; some of them with commas.", valueName: "states"),
            transform: Self.states)
        var state: [JobState]

        @Flag(help: "Do not ask.")
        var yes = false

        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        private static func states(_ text: String) throws -> [JobState] {
            let states = try text.split(separator: ",").map { try Parse.state(String($0)) }
            if states.isEmpty { throw ValidationError("Name at least one state.") }
            if states.contains(.leased) { throw ValidationError("Leased jobs cannot be purged: cancel them.") }
            return states
        }

        func run() async throws {
            try await redis.withClient { client in
                let stats = try await client.stats(of: queue)
                let counts = state.map { ($0, stats.count(of: $0)) }
                let total = counts.reduce(0) { $0 + $1.1 }
                if total > 0, !yes {
                    let what = Printable.count(total, state.map(\.rawValue).joined(separator: "/") + " job")
                    try Console.confirm("Delete \(what) of \(queue) for good?")
                }
                var purged: [(String, JSON)] = []
                var all = 0
                for (state, count) in counts {
                    let number = try await purge(state, upTo: count, client)
                    purged.append((state.rawValue, .int(number)))
                    all += number
                }
                try output.print(
                    .object([("queue", .string(queue.rawValue)), ("purged", .object(purged))]),
                    else: "\(Printable.count(all, "job")) of \(queue) deleted\n")
            }
        }

        /// What was there at the beginning bounds the steps: a producer that never stops does not keep this going.
        private func purge(_ state: JobState, upTo count: Int, _ client: StintClient) async throws -> Int {
            var purged = 0
            while purged < count {
                let step = try await client.store.purge(min(Defaults.maxJobsPerCall, count - purged), state, on: queue)
                if step == 0 { break }
                purged += step
            }
            return purged
        }
    }
}

extension QueueStats {
    fileprivate func count(of state: JobState) -> Int {
        switch state {
        case .scheduled: scheduled
        case .ready: ready
        case .leased: leased
        case .done: done
        case .dead: dead
        case .cancelled: cancelled
        }
    }
}
