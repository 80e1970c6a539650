import ArgumentParser
import Foundation
import Stint
import StintCore
import StintStore

struct JobCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs: waiting ones at once, running ones by cancelling their handlers, or processes.")

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The jobs' ids.", transform: Parse.id)
    var ids: [JobID]

    @Option(help: ArgumentHelp("Why; kept with the jobs.", valueName: "text"))
    var reason = ""

    @Option(help: ArgumentHelp("Who; kept with the jobs. Default: you, as user@host.", valueName: "text"))
    var by: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        try await redis.withClient { client in
            let outcomes = try await inSteps(ids) {
                try await client.cancel(
                    $0, on: queue, reason: reason, by: by ?? "\(NSUserName())@\(StintNode.hostName)")
            }
            let answers = zip(ids, outcomes).map { id, outcome in
                JobAnswer(
                    id: id, answer: outcome.rawValue, isRight: outcome == .cancelled || outcome == .requested,
                    text: Self.text(outcome))
            }
            try JobAnswer.print(answers, on: queue, output)
        }
    }

    private static func text(_ outcome: CancelOutcome) -> String {
        switch outcome {
        case .cancelled: "cancelled"
        case .requested: "is running; its node is told"
        case .done: "is done, nothing was left to cancel"
        case .unknown: "is not known"
        }
    }
}

/// What became of one of the jobs that a command was given.
struct JobAnswer {
    let id: JobID
    let answer: String
    let isRight: Bool
    let text: String

    /// Prints them all; those that could not be done go to standard error, and decide the exit status.
    static func print(_ answers: [JobAnswer], on queue: QueueName, _ output: OutputOptions) throws {
        if output.json {
            let list = answers.map { JSON.object([("id", .string($0.id.rawValue)), ("outcome", .string($0.answer))]) }
            try Console.write(JSON.object([("queue", .string(queue.rawValue)), ("jobs", .array(list))]).text + "\n")
        } else {
            try Console.write(answers.filter(\.isRight).map { Printable.clean("\($0.id) \($0.text)") + "\n" }.joined())
        }
        let wrong = answers.filter { !$0.isRight }
        for answer in wrong { Console.note("stint: job \(answer.id) \(answer.text)") }
        if !wrong.isEmpty { throw CommandError.silent(.failure) }
    }
}

/// As many calls as the limit for one call asks for.
func inSteps<Outcome>(_ ids: [JobID], _ call: ([JobID]) async throws -> [Outcome]) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for start in stride(from: 0, to: ids.count, by: Defaults.maxJobsPerCall) {
        outcomes += try await call(Array(ids[start..<min(start + Defaults.maxJobsPerCall, ids.count)]))
    }
    return outcomes
}
