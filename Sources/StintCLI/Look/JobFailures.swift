import ArgumentParser
import Stint
import StintCore
import StintStore

struct JobFailures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failures", abstract: "Why jobs are dead, or are tried again: grouped by their last error.",
        discussion: """
            Errors are alike when they differ in numbers (N), hexadecimal numbers and UUIDs (H) and quoted strings (S) only. \
            LAST is when the last one happened. stint job retry --all --reason takes a group's error as it stands here.
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Option(help: ArgumentHelp("How many groups at most.", valueName: "count"))
    var limit = 20

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit is at least 1.") }
    }

    func run() async throws {
        let (groups, nowMs) = try await redis.withClient { client in
            (try await client.failures(of: queue), try await client.store.serverMs())
        }
        let shown = groups.prefix(limit)
        if output.json {
            return try Console.write(
                JSON.object([
                    ("queue", .string(queue.rawValue)), ("server_ms", .int(nowMs)), ("total", .int(groups.count)),
                    ("groups", .array(shown.map(\.json))),
                ]).text + "\n")
        }
        if groups.isEmpty { return try Console.write("no failures\n") }
        var table = Table([
            ("JOBS", .right), ("DEAD", .right), ("FIRST", .right), ("LAST", .right), ("TYPES", .left),
            ("SUCH AS", .left), ("ERROR", .left),
        ])
        for group in shown {
            table.add([
                String(group.count), String(group.dead), Printable.relative(ms: group.firstMs, to: nowMs),
                Printable.relative(ms: group.lastMs, to: nowMs),
                group.types.keys.map(\.rawValue).sorted().joined(separator: ","), group.sample.rawValue,
                group.fingerprint.description,
            ])
        }
        try Console.write(table.text)
        if groups.count > shown.count { Console.note("\(groups.count - shown.count) more groups: see --limit") }
    }
}

extension FailureGroup {
    fileprivate var json: JSON {
        .object([
            ("fingerprint", .string(fingerprint.description)), ("count", .int(count)), ("dead", .int(dead)),
            ("retrying", .int(retrying)), ("first_ms", .int(firstMs)), ("last_ms", .int(lastMs)),
            (
                "types",
                .object(types.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.rawValue, .int($0.value)) })
            ),
            ("sample", .string(sample.rawValue)), ("reason", .string(reason)),
        ])
    }
}
