import ArgumentParser
import Stint
import StintCore
import StintStore

/// Which nodes a command is about.
struct NodeChoice: ParsableArguments {
    @Argument(help: "Names of nodes, or consumer IDs, as node ls prints them.")
    var names: [String] = []

    @Option(help: ArgumentHelp("Those of this build.", valueName: "build"))
    var build: String?

    @Option(help: ArgumentHelp("Those that work on this queue.", valueName: "queue"), transform: Parse.queue)
    var queue: QueueName?

    @Flag(help: "All nodes.")
    var all = false

    @Flag(help: "Do not ask where it is more than one.")
    var yes = false

    func validate() throws {
        let isNarrowed = !names.isEmpty || build != nil || queue != nil
        if isNarrowed == all { throw ValidationError("Say which nodes: by name, --build or --queue; or --all.") }
    }

    var filter: NodeFilter { NodeFilter(names: Set(names), build: build, queue: queue) }

    /// The nodes of the choice.
    ///
    /// - Parameter verb: what the question asks for.
    func find(_ verb: String, _ client: StintClient) async throws -> [NodeInfo] {
        let nodes = try await client.nodes(filter)
        if nodes.isEmpty {
            throw CommandError(.failure, "no node matches", advice: "stint node ls prints those that there are.")
        }
        if nodes.count > 1, !yes {
            let list = nodes.prefix(10).map(\.consumer.description).joined(separator: ", ")
            try Console.confirm(
                "\(verb) \(nodes.count) nodes (\(list)\(nodes.count > 10 ? ", …" : ""))?")
        }
        return nodes
    }

    /// Tells them, and prints who was told.
    func tell(_ order: NodeOrder, _ verb: String, _ output: OutputOptions, _ redis: RedisOptions) async throws {
        try await redis.withClient { client in
            let told = try await client.tell(order, try await find(verb, client).map(\.consumer))
            let list = told.map(\.description)
            try output.print(
                .object([("order", .string(order.rawValue)), ("nodes", .array(list.map { .string($0) }))]),
                else: list.map { "\($0) told to \(order.rawValue == "quiet" ? "be quiet" : order.rawValue)\n" }.joined()
            )
        }
    }
}

extension NodeCommand {
    struct Quiet: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell nodes to claim nothing more, and finish what they run.",
            discussion: "A node that starts anew is not quiet.")

        @OptionGroup var choice: NodeChoice
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws { try await choice.tell(.quiet, "Quiet", output, redis) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Tell quiet nodes to claim again.")

        @OptionGroup var choice: NodeChoice
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws { try await choice.tell(.resume, "Resume", output, redis) }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell nodes to stop as by a SIGTERM: running jobs may end within their grace.",
            discussion: "Whether they start again is their supervisor's affair.")

        @OptionGroup var choice: NodeChoice
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws { try await choice.tell(.stop, "Stop", output, redis) }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell nodes to be quiet, and wait until they hold no job.",
            discussion: """
                Exit status 0: none of them holds a job. 1: some still do when the time is over; they stay quiet. Nodes that \
                start meanwhile and match are drained, too; those that are lost are not waited for.

                EXAMPLES
                  stint node drain --build 41 --timeout 10m --yes && stint node stop --build 41 --yes
                """)

        @OptionGroup var choice: NodeChoice

        @Option(
            help: ArgumentHelp("How long to wait, as 10m. Default: 5m.", valueName: "duration"),
            transform: Parse.duration)
        var timeout: Duration = .seconds(300)

        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws {
            try await redis.withClient { client in
                let count = try await choice.find("Drain", client).count
                let busy = try await client.drain(choice.filter, timeout: timeout)
                try output.print(
                    .object([("drained", .bool(busy.isEmpty)), ("busy", .array(busy.map(\.json)))]),
                    else: busy.isEmpty ? "\(Printable.count(count, "node")) drained\n" : "")
                if busy.isEmpty { return }
                for node in busy {
                    let what =
                        node.state == .working ? "has not answered" : "holds \(Printable.count(node.running, "job"))"
                    Console.note("stint: \(node.consumer) \(what)")
                }
                throw CommandError.silent(.failure)
            }
        }
    }
}
