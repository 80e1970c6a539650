import ArgumentParser
import Foundation
import Stint
import StintCore
import StintStore

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "The nodes of the cluster.",
        subcommands: [List.self, Quiet.self, Resume.self, Stop.self, Drain.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Which nodes there are, what they work on, and when they last said so.",
            discussion: """
                SLOTS is how many jobs a node runs, of how many it could. STATE is working, quiet (it claims nothing more), \
                stopping, or "lost": it has not been heard of for 35 s, so it was killed, frozen or cut off, and its jobs \
                are run by others when their leases end. "abandoned" counts the handlers that ignored their cancellation.
                """)

        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws {
            let nodes = try await redis.withClient { try await $0.nodes() }
            if output.json {
                return try Console.write(JSON.object([("nodes", .array(nodes.map(\.json)))]).text + "\n")
            }
            if nodes.isEmpty { return try Console.write("no nodes\n") }
            var table = Table([
                ("NODE", .left), ("STATE", .left), ("HOST", .left), ("PID", .right), ("BUILD", .left),
                ("QUEUES", .left), ("SLOTS", .right), ("SEEN", .right), ("LABELS", .left), ("", .left),
            ])
            for node in nodes {
                table.add([
                    node.consumer.description, node.isLost ? "lost" : node.state.rawValue, node.host ?? "?",
                    node.pid.map { String($0) } ?? "?", node.build ?? "", node.queues.joined(separator: ","),
                    "\(node.running)/\(node.concurrency)", Printable.duration(node.lastBeatAgo) + " ago",
                    node.labels.joined(separator: ","), node.abandoned > 0 ? "\(node.abandoned) abandoned" : "",
                ])
            }
            try Console.write(table.text)
        }
    }
}

extension NodeInfo {
    var json: JSON {
        .object([
            ("consumer", .string(consumer.description)), ("name", .string(name)), ("state", .string(state.rawValue)),
            ("host", .optional(host)), ("pid", .optional(pid)), ("build", .optional(build)),
            ("queues", .array(queues.map { .string($0) })), ("labels", .array(labels.map { .string($0) })),
            ("types", types.map { .array($0.map { .string($0) }) } ?? .null),
            ("running", .int(running)), ("concurrency", .int(concurrency)), ("abandoned", .int(abandoned)),
            ("lease_ms", .ms(lease)),
            ("started_ms", startedAt.map { .int(Int64(($0.timeIntervalSince1970 * 1000).rounded())) } ?? .null),
            ("last_beat_ago_ms", .ms(lastBeatAgo)), ("lost", .bool(isLost)),
        ])
    }
}
