import ArgumentParser
import Stint
import StintCore
import StintStore

struct QueueEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Turn the events of a queue on or off, or say whether they are on.",
        discussion: """
            Events are what stint watch shows. Off, which is the default, they cost nothing; on, each call that moves jobs \
            adds one entry to a stream, of which about as many are kept as is said here.

            EXAMPLES
              stint queue events mail
              stint queue events mail on               keep 10,000
              stint queue events mail 500
              stint queue events mail off
            """)

    /// What `on` keeps.
    static let usual = 10_000

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(
        help: ArgumentHelp("on, off, or about how many to keep.", valueName: "on|off|count"), transform: Self.wish)
    var wish: Wish?

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    enum Wish: Equatable {
        case off
        case keep(Int)
    }

    private static func wish(_ text: String) throws -> Wish {
        switch text {
        case "on": return .keep(usual)
        case "off": return .off
        default:
            guard let count = Int(text), (1...Store.maxEvents).contains(count) else {
                throw ValidationError("It is on, off, or a number from 1 to \(Store.maxEvents).")
            }
            return .keep(count)
        }
    }

    func run() async throws {
        let kept = try await redis.withClient { client in
            switch wish {
            case .off: try await client.setEvents(keeping: nil, on: queue)
            case .keep(let count): try await client.setEvents(keeping: count, on: queue)
            case nil: break
            }
            return try await client.eventsKept(on: queue)
        }
        try output.print(
            .object([("queue", .string(queue.rawValue)), ("events", .optional(kept.map(Int64.init)))]),
            else: "\(queue): events are " + (kept.map { "on, about \($0) are kept" } ?? "off") + "\n")
    }
}
