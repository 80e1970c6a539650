import Foundation
import Stint

/// A job is a value that can be encoded, and the work to do with it.
struct Greeting: Job {
    static let type = "greeting"
    var name: String

    func run(_ context: JobContext) async throws {
        print("hello, \(name)")
    }
}

@main
struct Hello {
    static let queue: QueueName = "hello"

    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))

        for name in ["Ada", "Grace", "Barbara"] {
            let receipt = try await client.enqueue(Greeting(name: name), on: queue)
            print("enqueued \(name): \(receipt.id)")
        }

        // Any number of nodes may work on a queue, in any number of processes. This one runs one job at a time.
        let node = try StintNode(client, queues: [queue], concurrency: 1) { Greeting.self }
        async let running: Void = node.run()

        // A real node runs until its process is told to stop, see StintNode; this one until everybody is greeted.
        while try await client.stats(of: queue).isBusy { try await Task.sleep(for: .milliseconds(10)) }
        node.stop()
        try await running
        await client.close()
        print("done")
    }
}

extension QueueStats {
    var isBusy: Bool { ready + leased > 0 }
}
