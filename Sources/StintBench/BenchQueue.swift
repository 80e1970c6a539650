import Foundation
package import Stint
package import StintCore
import StintRedis
import StintStore

/// Why a queue is not measured with.
package struct BenchRefusal: Error {
    package let message: String
    package let advice: String
}

/// The queue that jobs of a measurement go through: somebody else's is left alone, and what we put there goes away.
package struct BenchQueue: Sendable {
    package let name: QueueName
    private let client: StintClient
    private let before: QueueStats
    private let isNew: Bool

    /// - Throws: ``BenchRefusal`` when there are jobs in the queue, in whatever state, when it is paused, or when a node works
    ///   on it.
    package static func open(_ name: QueueName, _ client: StintClient) async throws -> BenchQueue {
        let stats = try await client.stats(of: name)
        let jobs = stats.ready + stats.scheduled + stats.leased + stats.dead + stats.done + stats.cancelled
        guard jobs == 0 else {
            throw BenchRefusal(
                message: "there are jobs in the queue \(name): \(jobs)",
                advice: "Name another one with --queue; `stint queue purge` removes what an earlier run left behind.")
        }
        guard !stats.isPaused else {
            throw BenchRefusal(message: "the queue \(name) is paused", advice: "Name another one with --queue.")
        }
        if let node = try await worker(of: name, client) {
            throw BenchRefusal(
                message: "the node \(node) works on the queue \(name)",
                advice: "It would take the jobs that are to be measured: name another queue with --queue.")
        }
        let isKnown = try await client.queues().contains(name)
        return BenchQueue(name: name, client: client, before: stats, isNew: !isKnown && stats.enqueuedTotal == 0)
    }

    /// Removes the jobs of the measurement; and a queue that was not there before.
    ///
    /// - Parameter ours: how many jobs we have enqueued; `nil` = unknown, because a call was not confirmed.
    /// - Throws: ``BenchRefusal`` when somebody else has enqueued meanwhile: then nothing that waits is deleted.
    package func clear(ours: Int?) async throws {
        let stats = try await client.stats(of: name)
        let others = stats.enqueuedTotal - before.enqueuedTotal - (ours ?? stats.enqueuedTotal - before.enqueuedTotal)
        guard others <= 0 else {
            throw BenchRefusal(
                message:
                    "\(others) jobs of somebody else came into the queue \(name): what waits there was not deleted",
                advice: "Look at it with `stint stats \(name)`.")
        }
        for state in JobState.allCases where state != .leased {
            while try await client.store.purge(Defaults.maxJobsPerCall, state, on: name) > 0 {}
        }
        guard isNew else { return }
        // What is left of a queue without jobs: its marks, its totals and its name.
        let keys = client.store.keys
        try await send("UNLINK", [keys.wake(name), keys.meta(name)])
        try await send("SREM", [keys.queues, name.rawValue])
    }

    private func send(_ command: StaticString, _ arguments: [String]) async throws {
        var command = RedisCommand(command)
        command.append(contentsOf: arguments)
        _ = try await client.store.client.send(command)
    }

    /// A node that has shown itself in the last minute and has this queue among its own.
    private static func worker(of queue: QueueName, _ client: StintClient) async throws -> ConsumerID? {
        struct About: Decodable {
            var queues: [String]?
        }
        return try await client.inspector.nodes().first { node in
            let about = try? JSONDecoder().decode(About.self, from: Data(node.about.utf8))
            return node.lastBeatAgo < .seconds(60) && about?.queues?.contains(queue.rawValue) == true
        }?.consumer
    }
}
