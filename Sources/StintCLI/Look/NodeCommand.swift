import ArgumentParser
import Foundation
import Stint
import StintCore
import StintStore

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "The nodes of the cluster.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Which nodes there are, what they work on, and when they last said so.",
            discussion: """
                SLOTS is how many jobs a node runs, of how many it could. "lost" says that it has not been heard of for 35 s: \
                killed, frozen or cut off. Its jobs are run by others when their leases end.
                """)

        /// Nodes say that they are there every 10 seconds, give or take half of it.
        private static let silentAfter = Duration.seconds(35)

        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws {
            let nodes = try await redis.withClient { try await $0.inspector.nodes() }
            let abouts = nodes.map { (node: $0, about: NodeAbout($0), isLost: $0.lastBeatAgo > Self.silentAfter) }
            if output.json {
                let list = abouts.map { $0.about.json($0.node, isLost: $0.isLost) }
                return try Console.write(JSON.object([("nodes", .array(list))]).text + "\n")
            }
            if abouts.isEmpty { return try Console.write("no nodes\n") }
            var table = Table([
                ("NODE", .left), ("HOST", .left), ("PID", .right), ("QUEUES", .left), ("SLOTS", .right),
                ("SEEN", .right), ("", .left),
            ])
            for (node, about, isLost) in abouts {
                table.add([
                    node.consumer.description, about.host ?? "?", about.pid.map { String($0) } ?? "?",
                    (about.queues ?? []).joined(separator: ","),
                    "\(about.running ?? 0)/\(about.concurrency ?? 0)", Printable.duration(node.lastBeatAgo) + " ago",
                    isLost ? "lost" : "",
                ])
            }
            try Console.write(table.text)
        }
    }
}

/// What a node says of itself. Every part may be missing: another version wrote it.
private struct NodeAbout: Decodable {
    var host: String?
    var pid: Int64?
    var build: String?
    var queues: [String]?
    var concurrency: Int?
    var running: Int?
    var leaseMs: Int64?
    var startedMs: Int64?

    init(_ entry: NodeEntry) {
        self = (try? JSONDecoder().decode(NodeAbout.self, from: Data(entry.about.utf8))) ?? NodeAbout()
    }

    private init() {}

    func json(_ entry: NodeEntry, isLost: Bool) -> JSON {
        .object([
            ("consumer", .string(entry.consumer.description)), ("name", .string(entry.consumer.name)),
            ("host", .optional(host)),
            ("pid", .optional(pid)), ("build", .optional(build)),
            ("queues", .array((queues ?? []).map { .string($0) })),
            ("running", .optional(running.map(Int64.init))), ("concurrency", .optional(concurrency.map(Int64.init))),
            ("lease_ms", .optional(leaseMs)), ("started_ms", .optional(startedMs)),
            ("last_beat_ago_ms", .ms(entry.lastBeatAgo)),
            ("lost", .bool(isLost)),
        ])
    }
}
