import ArgumentParser
import Foundation
import Stint
import StintCore
import StintStore

struct JobTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "The log of a job.",
        discussion: """
            What its handler has logged, or its process has written to standard error, over all runs. About 1,000 lines are \
            kept, for a day after the last one.
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id.", transform: Parse.id)
    var id: JobID

    @Flag(name: .shortAndLong, help: "Go on with what is written from now on, until Ctrl-C.")
    var follow = false

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        try await redis.withClient { client in
            if !follow {
                for line in try await client.log(of: id, on: queue) { try print(line) }
                return
            }
            let reading = Task {
                for try await line in client.followLog(of: id, on: queue) { try print(line) }
            }
            let interrupts = Interrupts { number, nth in
                if nth > 1 { (number == SIGINT ? ExitStatus.interrupted : .terminated).exit() }
                reading.cancel()
            }
            defer { withExtendedLifetime(interrupts) {} }
            try await reading.value
        }
    }

    private func print(_ line: JobLogLine) throws {
        let json = JSON.object([("at_ms", .int(line.atMs)), ("line", .string(line.text))])
        try output.print(json, else: Printable.time(ms: line.atMs) + " " + Printable.clean(line.text) + "\n")
    }
}
