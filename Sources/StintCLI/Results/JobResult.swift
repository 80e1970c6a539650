import ArgumentParser
import NIOCore
import Stint
import StintCore
import StintStore

struct JobResult: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result", abstract: "The result of a job that was enqueued with --keep-result.",
        discussion: """
            Exit status 3: the job is dead, 4: it was cancelled, 5: it has not come to its end (in time), 1: its result is \
            not kept.

            EXAMPLES
              stint job result mail 0K-2aZk3D9XxQ1
              stint job result mail 0K-2aZk3D9XxQ1 --wait-for 30s
            """)

    /// How long the result of a job is kept when somebody waits for it who did not say.
    static let usualKeep = Duration.seconds(600)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id.", transform: Parse.id)
    var id: JobID

    @Flag(help: "Wait for the job's end.")
    var wait = false

    @Option(
        help: ArgumentHelp("The same, but not for longer than this.", valueName: "duration"), transform: Parse.duration)
    var waitFor: Duration?

    @OptionGroup(title: "Payload options") var keys: PayloadKeyOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        try await redis.withClient(codec: keys.codec()) { client in
            let limit = wait && waitFor == nil ? nil : waitFor ?? .zero
            try await Self.wait(for: id, on: queue, within: limit, client, output)
        }
    }

    /// Waits for the end of a job, and prints what it has to show for it.
    static func wait(
        for id: JobID, on queue: QueueName, within limit: Duration?, _ client: StintClient, _ output: OutputOptions
    ) async throws {
        do {
            let result = try await client.result(of: id, on: queue, within: limit)
            if !output.json { return try result.withUnsafeReadableBytes { try Console.write($0) } }
            let (name, value) = Printable.payloadMember(result)
            let object = JSON.object([
                ("id", .string(id.rawValue)), ("queue", .string(queue.rawValue)),
                (name.replacing("payload", with: "result"), value),
            ])
            try Console.write(object.text + "\n")
        } catch let error as ResultError {
            let status: ExitStatus =
                switch error {
                case .dead: .dead
                case .cancelled: .cancelled
                case .timedOut: .notEnded
                case .notKept, .unknown: .failure
                }
            throw CommandError(status, "result of \(id) on \(queue): \(error)")
        }
    }
}

extension JobProgress {
    func text(at nowMs: Int64) -> String {
        let percent = Int((fraction * 100).rounded(.down))
        return "\(percent) %" + (note.isEmpty ? "" : ", \(note)") + " (\(Printable.relative(ms: atMs, to: nowMs)))"
    }

    var json: JSON {
        .object([("fraction", .double(fraction)), ("note", .string(note)), ("at_ms", .int(atMs))])
    }
}
