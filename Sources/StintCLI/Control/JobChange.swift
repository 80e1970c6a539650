import ArgumentParser
import Stint
import StintCore
import StintStore

struct JobChange: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change", abstract: "Give jobs that wait another priority, or another due time.",
        discussion: "A ready job that gets another priority keeps the time at which it became ready.")

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The jobs' ids.", transform: Parse.id)
    var ids: [JobID]

    @Option(help: ArgumentHelp("Higher runs sooner: -100 to 100.", valueName: "number"))
    var priority: Int?

    @Option(
        name: .customLong("in"),
        help: ArgumentHelp("Due after this time from now, as 30s; 0s is now.", valueName: "duration"),
        transform: Parse.duration)
    var delay: Duration?

    @Option(help: ArgumentHelp("Due at this time, as 2026-01-31T10:00:00Z.", valueName: "time"), transform: Parse.time)
    var at: Int64?

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if priority == nil, delay == nil, at == nil { throw ValidationError("Give --priority, --in or --at.") }
        if delay != nil, at != nil { throw ValidationError("Give one of --in and --at.") }
        if let priority, !(-100...100).contains(priority) { throw ValidationError("A priority is from -100 to 100.") }
    }

    func run() async throws {
        let due: Due? = at.map { .at(ms: $0) } ?? delay.map { $0 > .zero ? .after($0) : .now }
        try await redis.withClient { client in
            let outcomes = try await inSteps(ids) {
                try await client.store.change($0, on: queue, priority: priority, due: due)
            }
            let answers = zip(ids, outcomes).map { id, outcome in
                JobAnswer(id: id, answer: outcome.rawValue, isRight: outcome == .changed, text: Self.text(outcome))
            }
            try JobAnswer.print(answers, on: queue, output)
        }
    }

    private static func text(_ outcome: ChangeOutcome) -> String {
        switch outcome {
        case .changed: "changed"
        case .leased, .done, .dead, .cancelled: "is \(outcome.rawValue), left as it is"
        case .unknown: "is not known"
        case .empty: "has lost its record, there is nothing to change"
        }
    }
}
