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
                shortest    the shortest --estimate first; of jobs without one it is how long their type takes

                Jobs that are ready are brought into the new order while they may be claimed.
                Of a queue that is ordered by shortest it tells how long a run of each type takes, as far as that was learned.
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
                var fields: [(String, JSON)] = [("queue", .string(queue.rawValue)), ("order", .string("\(now)"))]
                if now == .shortest {
                    let estimates = try await client.estimates(of: queue).sorted { $0.key.rawValue < $1.key.rawValue }
                    fields.append(("estimates_ms", .object(estimates.map { ($0.key.rawValue, .ms($0.value)) })))
                    if order == nil { text = "\(now)\n" + Self.table(estimates) }
                }
                try output.print(.object(fields), else: text.isEmpty ? "\(now)\n" : text)
            }
        }

        private static func table(_ estimates: [(key: JobType, value: Duration)]) -> String {
            var table = Table([("TYPE", .left), ("A RUN TAKES", .right)])
            for (type, duration) in estimates { table.add([type.rawValue, Printable.duration(duration)]) }
            return estimates.isEmpty ? "" : table.text
        }
    }
}
