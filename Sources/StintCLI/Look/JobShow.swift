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
            node extends it; of a dead one, why. A payload that is encrypted, or that its producer marked as sensitive, is \
            not shown unless --reveal asks for it.
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id, as enqueue and job ls print it.", transform: Parse.id)
    var id: JobID

    @Flag(help: "Show the payload also of a sensitive or encrypted job; for the latter its key is needed.")
    var reveal = false

    @OptionGroup(title: "Payload options") var keys: PayloadKeyOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        // Without --reveal, keys that cannot be read are nobody's business.
        let codec = reveal ? try keys.codec() : nil
        let found: (JobDetail, ByteBuffer?, JobProgress?)? = try await redis.withClient(codec: codec) { client in
            guard let job = try await client.inspector.job(id, on: queue) else { return nil }
            let payload = reveal ? try await client.payload(of: job) : nil
            return (job, payload, try await client.progress(of: id, on: queue))
        }
        guard let (job, payload, progress) = found else {
            throw CommandError(
                .failure, "no job \(id) is known on \(queue)", advice: "Done jobs are remembered for a while only.")
        }
        try output.print(job.json(payload, progress), else: job.text(payload, progress))
    }
}

extension JobDetail {
    /// A page for people, ending with the payload.
    func text(_ revealed: ByteBuffer? = nil, _ progress: JobProgress? = nil) -> String {
        var lines: [(String, String)] = [
            ("id", id.rawValue), ("queue", queue.rawValue), ("state", state?.rawValue ?? "?"),
        ]
        if let whenMs {
            lines.append((whenName, when(whenMs)))
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
            if let timeout = header.timeout { lines.append(("timeout", Printable.duration(timeout))) }
            if let ms = header.startBy?.ms { lines.append(("start by", when(ms))) }
            if let ms = header.deadline?.ms { lines.append(("wanted by", when(ms))) }
            if let estimate = header.estimate { lines.append(("estimate", Printable.duration(estimate))) }
            if let retry = header.retry { lines.append(("retry", retry.description)) }
            if case .at(let ms)? = header.retryUntil {
                lines.append(("retry until", "\(Printable.relative(ms: ms, to: serverMs)) (\(Printable.time(ms: ms)))"))
            }
            if let keep = header.keepResult { lines.append(("result", "kept for \(Printable.duration(keep))")) }
        }
        if let uniqueKey { lines.append(("unique", uniqueKey + (header?.unique?.text ?? ""))) }
        lines.append(
            ("tries", "\(Printable.count(tries.failures, "failure")), \(Printable.count(tries.lapses, "lapse"))"))
        if !tries.reason.isEmpty {
            lines.append(
                (
                    "reason",
                    tries.reason + (tries.lastMs > 0 ? " (\(Printable.relative(ms: tries.lastMs, to: serverMs)))" : "")
                ))
        }
        for (index, attempt) in history.enumerated() {
            let when = Printable.relative(ms: attempt.atMs, to: serverMs)
            let error = attempt.error.isEmpty ? "" : ": " + attempt.error
            lines.append((index == 0 ? "history" : "", "\(when), \(attempt.kind) on \(attempt.consumer)\(error)"))
        }
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + Printable.clean(value) + "\n"
        }.joined() + payloadText(revealed)
    }

    private func when(_ ms: Int64) -> String {
        "\(Printable.relative(ms: ms, to: serverMs)) (\(Printable.time(ms: ms)))"
    }

    private var whenName: String {
        switch state {
        case .scheduled: "due"
        case .leased: "deadline"
        case .ready, .done, .dead, .cancelled, nil: "ended"
        }
    }

    func json(_ revealed: ByteBuffer? = nil, _ progress: JobProgress? = nil) -> JSON {
        let whenKey = "\(whenName)_ms"
        return .object(
            [
                ("id", .string(id.rawValue)), ("queue", .string(queue.rawValue)), ("state", .optional(state?.rawValue)),
                ("server_ms", .int(serverMs)),
                ("due_ms", whenKey == "due_ms" ? .optional(whenMs) : .null),
                ("deadline_ms", whenKey == "deadline_ms" ? .optional(whenMs) : .null),
                ("ended_ms", whenKey == "ended_ms" ? .optional(whenMs) : .null),
                ("type", .optional(header?.type.rawValue)), ("priority", .optional(header.map { Int64($0.priority) })),
                ("lease_ms", .ms(header?.lease)), ("max_failures", .optional(header?.maxFailures.map(Int64.init))),
                ("max_lapses", .optional(header?.maxLapses.map(Int64.init))),
                ("retry", .optional(header?.retry?.description)),
                ("retry_until_ms", .optional(header?.retryUntilMs)),
                ("start_by_ms", .optional(header?.startBy?.ms)), ("wanted_by_ms", .optional(header?.deadline?.ms)),
                ("estimate_ms", .ms(header?.estimate)), ("timeout_ms", .ms(header?.timeout)),
                ("attempt", .int(tries.attempt)),
                ("failures", .int(tries.failures)), ("lapses", .int(tries.lapses)),
                ("reason", .optional(tries.reason.isEmpty ? nil : tries.reason)),
                ("last_ms", tries.lastMs > 0 ? .int(tries.lastMs) : .null), ("token", .optional(token?.rawValue)),
                ("consumer", .optional(consumer?.description)), ("cancel_reason", .optional(cancelReason)),
                ("unique", .optional(uniqueKey)),
                ("progress", progress.map(\.json) ?? .null),
                (
                    "history",
                    .array(
                        history.map { attempt in
                            .object([
                                ("kind", .string(attempt.kind.rawValue)), ("at_ms", .int(attempt.atMs)),
                                ("token", .int(attempt.token.rawValue)), ("consumer", .string(attempt.consumer)),
                                ("error", .string(attempt.error)),
                            ])
                        })
                ),
            ] + payloadMember(revealed))
    }
}

extension UniqueSpan {
    fileprivate var text: String {
        switch self {
        case .untilDone: " until it ends"
        case .untilStarted: " until it is started"
        case .time(let length): " for \(Printable.duration(length))"
        }
    }
}
