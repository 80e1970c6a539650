import ArgumentParser
import NIOCore
import Stint
import StintCore
import StintStore

struct JobShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "All that is known of one job.",
        discussion: """
            Of a running job also who holds its lease, with which token and attempt, and when the lease ends unless its \
            node extends it; of a dead one, why.
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id, as enqueue and job ls print it.", transform: Parse.id)
    var id: JobID

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        let (found, progress) = try await redis.withClient { client in
            (try await client.inspector.job(id, on: queue), try await client.progress(of: id, on: queue))
        }
        guard let job = found else {
            throw CommandError(
                .failure, "no job \(id) is known on \(queue)", advice: "Done jobs are remembered for a while only.")
        }
        try output.print(job.json(progress), else: job.text(progress))
    }
}

extension JobDetail {
    /// A page for people, ending with the payload.
    func text(_ progress: JobProgress?) -> String {
        var lines: [(String, String)] = [
            ("id", id.rawValue), ("queue", queue.rawValue), ("state", state?.rawValue ?? "?"),
        ]
        if let whenMs {
            lines.append((whenName, "\(Printable.relative(ms: whenMs, to: serverMs)) (\(Printable.time(ms: whenMs)))"))
        }
        if state == .leased { lines.append(("attempt", String(tries.attempt))) }
        if let consumer { lines.append(("holder", consumer.description)) }
        if let token { lines.append(("token", token.description)) }
        if let progress { lines.append(("progress", progress.text(at: serverMs))) }
        if let cancelReason { lines.append(("cancel", "asked for: \(cancelReason)")) }
        if let header {
            lines.append(("type", header.type.rawValue))
            lines.append(("priority", String(header.priority)))
            if let lease = header.lease { lines.append(("lease", Printable.duration(lease))) }
            if let maxFailures = header.maxFailures { lines.append(("max failures", String(maxFailures))) }
            if let maxLapses = header.maxLapses { lines.append(("max lapses", String(maxLapses))) }
            if let keep = header.keepResult { lines.append(("result", "kept for \(Printable.duration(keep))")) }
        }
        lines.append(
            ("tries", "\(Printable.count(tries.failures, "failure")), \(Printable.count(tries.lapses, "lapse"))"))
        if !tries.reason.isEmpty {
            lines.append(
                (
                    "reason",
                    tries.reason + (tries.lastMs > 0 ? " (\(Printable.relative(ms: tries.lastMs, to: serverMs)))" : "")
                ))
        }
        let width = lines.map(\.0.count).max() ?? 0
        var text = lines.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + Printable.clean(value) + "\n"
        }.joined()
        if let payload {
            text += "\n" + (payload.readableBytes == 0 ? "(no payload)" : Printable.payload(payload)) + "\n"
        }
        return text
    }

    private var whenName: String {
        switch state {
        case .scheduled: "due"
        case .leased: "deadline"
        case .ready, .done, .dead, .cancelled, nil: "ended"
        }
    }

    func json(_ progress: JobProgress? = nil) -> JSON {
        let whenKey = "\(whenName)_ms"
        return .object([
            ("id", .string(id.rawValue)), ("queue", .string(queue.rawValue)), ("state", .optional(state?.rawValue)),
            ("server_ms", .int(serverMs)),
            ("due_ms", whenKey == "due_ms" ? .optional(whenMs) : .null),
            ("deadline_ms", whenKey == "deadline_ms" ? .optional(whenMs) : .null),
            ("ended_ms", whenKey == "ended_ms" ? .optional(whenMs) : .null),
            ("type", .optional(header?.type.rawValue)), ("priority", .optional(header.map { Int64($0.priority) })),
            ("lease_ms", .ms(header?.lease)), ("max_failures", .optional(header?.maxFailures.map(Int64.init))),
            ("max_lapses", .optional(header?.maxLapses.map(Int64.init))), ("attempt", .int(tries.attempt)),
            ("failures", .int(tries.failures)), ("lapses", .int(tries.lapses)),
            ("reason", .optional(tries.reason.isEmpty ? nil : tries.reason)),
            ("last_ms", tries.lastMs > 0 ? .int(tries.lastMs) : .null), ("token", .optional(token?.rawValue)),
            ("consumer", .optional(consumer?.description)), ("cancel_reason", .optional(cancelReason)),
            ("progress", progress.map(\.json) ?? .null),
            payload.map(Printable.payloadMember) ?? ("payload", .null),
        ])
    }
}
