import ArgumentParser
import Stint
import StintCore
import StintStore

struct JobEdit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Give a job that is not running another payload.",
        discussion: """
            Its type, options, place and tries stay. A running job, and one whose payload was written by a codec, is left as \
            it is: cancel that one, and enqueue another.

            EXAMPLES
              stint job edit mail 0PlHk2-aV3Xyzw --payload fixed.json
              stint job show mail ID --json | jq -c '.payload | fromjson | .to="ada"' | stint job edit mail ID --payload -
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id.", transform: Parse.id)
    var id: JobID

    @Option(
        help: ArgumentHelp("The new payload; - is standard input.", valueName: "file"), completion: .file())
    var payload: String

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        let bytes = try PayloadFile.read(payload)
        let outcome = try await redis.withClient { try await $0.edit(id, on: queue, payload: bytes) }
        try JobAnswer.print(
            [JobAnswer(id: id, answer: outcome.rawValue, isRight: outcome == .edited, text: outcome.text)], on: queue,
            output)
    }
}

extension EditOutcome {
    var text: String {
        switch self {
        case .edited: "has the new payload"
        case .leased, .done: "is \(rawValue), left as it is"
        case .unknown: "is not known"
        case .empty: "has lost its record"
        case .encoded: "has a payload that a codec wrote, left as it is: cancel it, and enqueue another"
        }
    }
}
