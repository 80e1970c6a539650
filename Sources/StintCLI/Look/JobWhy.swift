import ArgumentParser
import Stint
import StintCore
import StintStore

struct JobWhy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Why a job is not running now.",
        discussion: """
            The one reason, from what Redis holds. When other jobs come first it takes a second: the rate at which they are \
            claimed is measured.
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id.", transform: Parse.id)
    var id: JobID

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        let (explanation, job) = try await redis.withClient { client in
            (try await client.explain(id, on: queue), try await client.job(id, on: queue))
        }
        var members: [(String, JSON)] = [
            ("id", .string(id.rawValue)), ("queue", .string(queue.rawValue)), ("reason", .string(explanation.code)),
            ("text", .string(explanation.description)),
        ]
        members += explanation.members
        var text = Printable.clean(explanation.description) + "\n"
        if case .dead = explanation, let job {
            for attempt in job.history {
                let when = Printable.relative(ms: attempt.atMs, to: job.serverMs)
                let error = attempt.error.isEmpty ? "" : ": " + attempt.error
                text += Printable.clean("  \(when), \(attempt.kind) on \(attempt.consumer)\(error)") + "\n"
            }
        }
        try output.print(.object(members), else: text)
        if explanation == .unknown { throw CommandError.silent(.failure) }
    }
}

extension Explanation {
    /// What the reason's own numbers are.
    fileprivate var members: [(String, JSON)] {
        switch self {
        case .unknown, .done, .paused, .next: []
        case .dead(let since, let reason, let failures, let lapses):
            [
                ("since_ms", .int(since)), ("error", .string(reason)), ("failures", .int(failures)),
                ("lapses", .int(lapses)),
            ]
        case .cancelled(let since, let reason): [("since_ms", .int(since)), ("error", .string(reason))]
        case .notDue(let due, let wait): [("due_ms", .int(due)), ("due_in_ms", .ms(wait))]
        case .waitsForRetry(let due, let wait, let failures, let maxFailures, let error):
            [
                ("due_ms", .int(due)), ("due_in_ms", .ms(wait)), ("failures", .int(failures)),
                ("max_failures", .optional(maxFailures.map(Int64.init))), ("error", .string(error)),
            ]
        case .noNode(let silent, let quiet): [("silent", .int(silent)), ("quiet", .int(quiet))]
        case .unknownType(let type, let nodes): [("type", .string(type.rawValue)), ("nodes", .int(nodes))]
        case .behind(let ahead, let perSecond):
            [
                ("ahead", .int(ahead)), ("per_s", .double(perSecond)),
                ("about_ms", perSecond > 0 ? .int(Int64(Double(ahead) / perSecond * 1000)) : .null),
            ]
        case .drawn(let others, let perSecond): [("others", .int(others)), ("per_s", .double(perSecond))]
        case .expired(let startBy): [("start_by_ms", .int(startBy))]
        case .noSlot(let nodes, let slots, let ahead):
            [("nodes", .int(nodes)), ("slots", .int(slots)), ("ahead", .int(ahead))]
        case .running(let consumer, let since, let deadline, let reason):
            [
                ("consumer", .optional(consumer?.description)), ("since_ms", .int(since)),
                ("deadline_ms", .int(deadline)), ("cancel_reason", .optional(reason)),
            ]
        case .heartbeatLate(let consumer, let since, let overdue):
            [
                ("consumer", .optional(consumer?.description)), ("since_ms", .int(since)),
                ("overdue_ms", .ms(overdue)),
            ]
        }
    }
}
