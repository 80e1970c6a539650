import ArgumentParser
import Stint
import StintCore
import StintStore

struct JobRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Bring dead or cancelled jobs back: ready now, with all their tries before them.")

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The jobs' ids.", transform: Parse.id)
    var ids: [JobID] = []

    @Flag(help: "Every dead job of the queue.")
    var allDead = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if ids.isEmpty != allDead { throw ValidationError("Give ids of jobs, or --all-dead.") }
    }

    func run() async throws {
        try await redis.withClient { client in
            if allDead { return try await retryAll(client) }
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

    private func retryAll(_ client: StintClient) async throws {
        let total = try await client.stats(of: queue).dead
        if total > 0, !yes { try Console.confirm("Retry \(Printable.count(total, "dead job")) of \(queue)?") }
        var ready = 0
        var seen = 0
        var stuck = 0
        var taken = 0
        // Those that die again meanwhile are not brought back again: what was dead at the beginning bounds the loop.
        while seen < total {
            let ids = try await client.inspector.ids(
                .dead, on: queue, offset: stuck + taken, limit: min(Defaults.maxJobsPerCall, total - seen))
            if ids.isEmpty { break }
            let outcomes = try await client.store.redrive(ids, on: queue)
            seen += ids.count
            ready += outcomes.count { $0 == .ready }
            stuck += outcomes.count { $0 == .empty }
            taken += outcomes.count { $0 == .taken }
        }
        let summary = "\(Printable.count(ready, "job")) of \(queue) \(ready == 1 ? "is" : "are") ready again"
        try output.print(
            .object([
                ("queue", .string(queue.rawValue)), ("retried", .int(ready)), ("empty", .int(stuck)),
                ("taken", .int(taken)),
            ]),
            else: summary + (stuck > 0 ? "; \(stuck) have lost their record" : "")
                + (taken > 0 ? "; of \(taken) others have the unique keys" : "") + "\n")
    }
}

struct JobCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs: waiting ones at once, running ones by their node's next heartbeat.")

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The jobs' ids.", transform: Parse.id)
    var ids: [JobID]

    @Option(help: ArgumentHelp("Why; kept with the jobs.", valueName: "text"))
    var reason = ""

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        try await redis.withClient { client in
            let outcomes = try await inSteps(ids) { try await client.store.cancel($0, on: queue, reason: reason) }
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
        case .requested: "is running; its node is told with the next heartbeat"
        case .done: "is done, nothing was left to cancel"
        case .unknown: "is not known"
        }
    }
}

/// What became of one of the jobs that a command was given.
private struct JobAnswer {
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
private func inSteps<Outcome>(_ ids: [JobID], _ call: ([JobID]) async throws -> [Outcome]) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for start in stride(from: 0, to: ids.count, by: Defaults.maxJobsPerCall) {
        outcomes += try await call(Array(ids[start..<min(start + Defaults.maxJobsPerCall, ids.count)]))
    }
    return outcomes
}
