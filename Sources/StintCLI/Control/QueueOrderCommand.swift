import ArgumentParser
import Stint
import StintCore

extension QueueCommand {
    struct Order: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell, or set, which of the ready jobs of a queue run first.",
            discussion: """
                priority    the higher priority first, and in each who became ready first; the default
                aged:30s    the same, but one step of priority is worth 30s of waiting: nothing starves
                fifo        who became ready first
                lifo        who became ready last
                random      any of them
                deadline    the earliest --deadline first, jobs without one after all others
                shortest    the shortest --estimate first, jobs without one after all others

                Jobs that are ready are brought into the new order while they may be claimed.
                """)

        @Argument(help: "The queue.", transform: Parse.queue)
        var queue: QueueName

        @Argument(help: "The order. Default: tell which it is.", transform: Parse.order)
        var order: QueueOrder?

        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Redis options") var redis: RedisOptions

        func run() async throws {
            try await redis.withClient { client in
                var text = ""
                if let order {
                    let before = try await client.setOrder(order, of: queue)
                    text = "\(queue) is ordered by \(order)" + (before == order ? ", as it was" : "") + "\n"
                }
                let now = try await client.order(of: queue)
                try output.print(
                    .object([("queue", .string(queue.rawValue)), ("order", .string("\(now)"))]),
                    else: text.isEmpty ? "\(now)\n" : text)
            }
        }
    }
}
