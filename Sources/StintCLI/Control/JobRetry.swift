import ArgumentParser
import Foundation
import NIOCore
import Stint
import StintCore
import StintStore

struct JobRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Bring dead or cancelled jobs back: ready now, with all their tries before them.",
        discussion: """
            With --all, every dead job that meets the conditions. --dry-run says what would be brought back, and changes \
            nothing. Ctrl-C ends it between two steps and says how far it came.

            EXAMPLES
              stint job retry mail 0PlHk2-aV3Xyzw
              stint job retry mail --all --type receipt --reason 'connection refused' --dry-run
              stint job retry mail --all --after 2026-01-31T10:00:00Z --rate 10/s --yes
              stint job retry mail 0PlHk2-aV3Xyzw --payload fixed.json
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The jobs' ids.", transform: Parse.id)
    var ids: [JobID] = []

    @Flag(
        name: [.customLong("all"), .customLong("all-dead")],
        help: "Every dead job of the queue that meets the conditions.")
    var all = false

    @OptionGroup(title: "Conditions, with --all") var conditions: RetryConditions

    @Option(
        help: ArgumentHelp("How many in a second, as 10/s. Default: as fast as Redis takes them.", valueName: "rate"),
        transform: Self.rate)
    var rate: Double?

    @Option(
        help: ArgumentHelp("Give them this payload; - is standard input.", valueName: "file"),
        completion: .file())
    var payload: String?

    @Flag(help: "Only say what would be done.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if ids.isEmpty != all { throw ValidationError("Give ids of jobs, or --all.") }
        if !all, conditions.isGiven { throw ValidationError("Conditions go with --all.") }
        if !all, dryRun { throw ValidationError("--dry-run goes with --all.") }
    }

    func run() async throws {
        let payload = try payload.map(PayloadFile.read)
        try await redis.withClient { client in
            if all { return try await retryAll(client, payload) }
            if let payload { return try await retryEdited(client, payload) }
            let outcomes = try await inSteps(ids) { try await client.store.redrive($0, on: queue) }
            let answers = zip(ids, outcomes).map { id, outcome in
                JobAnswer(id: id, answer: outcome.rawValue, isRight: outcome == .ready, text: Self.text(outcome))
            }
            try JobAnswer.print(answers, on: queue, output)
        }
    }

    private static func text(_ outcome: RedriveOutcome) -> String {
        switch outcome {
        case .ready: "ready"
        case .scheduled, .leased, .done: "is \(outcome.rawValue), left as it is"
        case .unknown: "is not known"
        case .taken: "is left as it is: another job has its unique key"
        case .empty: "has lost its record, there is nothing to run"
        }
    }

    /// `10/s`, `30/m`, `100/h`.
    private static func rate(_ text: String) throws -> Double {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let seconds = ["s": 1.0, "m": 60, "h": 3600]
        guard parts.count == 2, let count = Double(parts[0]), let unit = seconds[String(parts[1])],
            count / unit >= 0.1, count / unit <= 1e6
        else { throw ValidationError("Write the rate as 10/s or 30/m; it is at least one in 10 s.") }
        return count / unit
    }

    /// First the payload, while the jobs cannot be claimed.
    private func retryEdited(_ client: StintClient, _ payload: ByteBuffer) async throws {
        var answers: [JobAnswer] = []
        for id in ids {
            let edit = try await client.edit(id, on: queue, payload: payload)
            if edit != .edited {
                answers.append(JobAnswer(id: id, answer: edit.rawValue, isRight: false, text: edit.text))
                continue
            }
            let outcome = try await client.redrive(id, on: queue)
            answers.append(
                JobAnswer(id: id, answer: outcome.rawValue, isRight: outcome == .ready, text: Self.text(outcome)))
        }
        try JobAnswer.print(answers, on: queue, output)
    }

    private func retryAll(_ client: StintClient, _ payload: ByteBuffer?) async throws {
        let preview = try await client.preview(where: conditions.filter, on: queue)
        if dryRun { return try output.print(preview.json(queue), else: preview.text(queue, payload: payload)) }
        if preview.count > 1, !yes {
            Console.note(preview.text(queue, payload: payload), isOneLine: false)
            try Console.confirm("Retry \(Printable.count(preview.count, "dead job")) of \(queue)?")
        }
        let report = try await redrive(preview.ids, client, payload)
        var text = "\(Printable.count(report.ready, "job")) of \(queue) \(report.ready == 1 ? "is" : "are") ready again"
        if report.empty > 0 { text += "; \(report.empty) have lost their record" }
        if report.left > 0 { text += "; \(report.left) left as they are" }
        if report.isInterrupted { text += "; interrupted, \(report.found - report.handled) are still dead" }
        try output.print(
            .object([
                ("queue", .string(queue.rawValue)), ("found", .int(report.found)), ("retried", .int(report.ready)),
                ("empty", .int(report.empty)), ("left", .int(report.left)),
                ("interrupted", .bool(report.isInterrupted)),
            ]), else: text + "\n")
        if report.isInterrupted { throw CommandError.silent(.interrupted) }
    }

    /// The first Ctrl-C ends it gently, the second at once.
    private func redrive(
        _ ids: [JobID], _ client: StintClient, _ payload: ByteBuffer?
    ) async throws -> RedriveReport {
        let (queue, rate) = (queue, rate)
        let task = Task { try await client.redrive(ids, on: queue, rate: rate, payload: payload) }
        let interrupts = Interrupts { _, nth in
            if nth > 1 { ExitStatus.interrupted.exit() }
            task.cancel()
        }
        defer { withExtendedLifetime(interrupts) {} }
        return try await task.value
    }
}

/// Which dead jobs are meant.
struct RetryConditions: ParsableArguments {
    @Option(help: ArgumentHelp("Only jobs of this type.", valueName: "type"), transform: Parse.type)
    var type: JobType?

    @Option(
        help: ArgumentHelp(
            "Only jobs whose reason holds this text, or has this fingerprint, as job failures prints it.",
            valueName: "text"))
    var reason: String?

    @Option(
        help: ArgumentHelp("Only jobs that died before this time, as 2026-01-31T10:00:00Z.", valueName: "time"),
        transform: Parse.time)
    var before: Int64?

    @Option(help: ArgumentHelp("Only jobs that died at this time or later.", valueName: "time"), transform: Parse.time)
    var after: Int64?

    @Option(help: ArgumentHelp("No more than this many, those that died first.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1.") }
        if reason?.isEmpty == true { throw ValidationError("--reason is not empty.") }
    }

    var isGiven: Bool { type != nil || reason != nil || before != nil || after != nil || limit != nil }

    var filter: DeadJobFilter {
        DeadJobFilter(type: type, reason: reason, afterMs: after, beforeMs: before, limit: limit)
    }
}

/// A payload that is kept in a file.
enum PayloadFile {
    static func read(_ path: String) throws -> ByteBuffer {
        guard
            let data = path == "-"
                ? try? FileHandle.standardInput.readToEnd() ?? Data() : FileManager.default.contents(atPath: path)
        else { throw CommandError(.usage, "--payload: \(path) cannot be read") }
        return ByteBuffer(bytes: data)
    }
}

extension RedrivePreview {
    func text(_ queue: QueueName, payload: ByteBuffer?) -> String {
        if count == 0 { return "no dead job of \(queue) meets the conditions\n" }
        let known = types.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        var text = "\(Printable.count(count, "dead job")) of \(queue) would be ready again, \(bytes) bytes of payload\n"
        text += "  types   " + known.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + "\n"
        let without = count - types.values.reduce(0, +)
        if without > 0 { text += "  \(Printable.count(without, "job")) without a record would be forgotten\n" }
        if let payload { text += "  payload replaced by one of \(Printable.count(payload.readableBytes, "byte"))\n" }
        return text + "  such as " + samples.map(\.rawValue).joined(separator: ", ") + "\n"
    }

    func json(_ queue: QueueName) -> JSON {
        .object([
            ("queue", .string(queue.rawValue)), ("count", .int(count)), ("bytes", .int(bytes)),
            (
                "types",
                .object(types.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.rawValue, .int($0.value)) })
            ),
            ("samples", .array(samples.map { .string($0.rawValue) })),
        ])
    }
}
