import Foundation
import Stint

/// A message of one of three lanes: the lanes are priorities of one queue.
struct Message: JobPayload {
    static let type = "message"
    var text: String
}

enum Lane: Int {
    case bulk = 0
    case normal = 1
    case urgent = 3
}

@main
struct PriorityLanes {
    static let queue: QueueName = "lanes"
    /// One step of priority is worth so much waiting: bulk that waits two seconds longer than something normal goes first.
    static let step = Duration.seconds(2)

    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))
        try await client.setOrder(.aged(step), of: queue)
        print("order: \(try await client.order(of: queue))")

        // Nobody works yet: what waits is there to be overtaken.
        try await send("newsletter", .bulk, client)
        try await send("receipt", .normal, client)
        try await send("alarm", .urgent, client)
        try await Task.sleep(for: step * 1.5)
        // The newsletter has waited for longer than a step of priority is worth, and less than three.
        try await send("second receipt", .normal, client)
        try await send("second alarm", .urgent, client)

        let (runs, run) = AsyncStream.makeStream(of: String.self)
        let node = try StintNode(client, queues: [queue], concurrency: 1) {
            Message.handler { message, _ in
                print("runs: \(message.text)")
                run.yield(message.text)
            }
        }
        async let running: Void = node.run()
        for await text in runs where text == "second receipt" { break }
        node.stop()
        try await running
        await client.close()
    }

    private static func send(_ text: String, _ lane: Lane, _ client: StintClient) async throws {
        try await client.enqueue(Message(text: text), on: queue, .priority(lane.rawValue))
        print("waits: \(text) (\(lane))")
    }
}
