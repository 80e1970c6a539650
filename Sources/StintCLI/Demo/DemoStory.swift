import Foundation
import Stint
import StintCore
import StintStore

/// What happens to the cluster while it works: a kill, a freeze, and a zombie that comes back.
struct DemoStory {
    struct Outcome {
        var killedMs: Int64 = 0
        /// What the killed node held.
        var orphans: [Held] = []
        /// What the frozen node held.
        var frozen: [Held] = []
        /// Late settles in the frozen node's name, tried against the store after its leases had run out, and refused.
        var lateSettles = 0
        var lateRefused = 0
    }

    private static let longest = Duration.seconds(180)

    let cluster: DemoCluster
    let client: StintClient
    let display: DemoDisplay
    let total: Int

    func play() async throws -> Outcome {
        var outcome = Outcome()
        try await until { stats in stats.ackedTotal >= total / 4 }
        try await kill("node-2", &outcome)
        try await until { stats in stats.ackedTotal >= total * 2 / 5 }
        let consumer = try await freeze("node-3", &outcome)
        let frozen = Set(outcome.frozen)
        try await until { _ in
            // Over when none of its leases is its own any more.
            try await client.inspector.leases(of: consumer, on: DemoCluster.queue).allSatisfy { !frozen.contains($0) }
        }
        outcome.lateSettles = outcome.frozen.count
        outcome.lateRefused = try await client.store.ack(outcome.frozen, on: DemoCluster.queue, by: consumer).refused
            .count
        cluster.signal(SIGCONT, "node-3")
        display.say(
            "node-3 resumed; \(outcome.lateRefused) of \(outcome.lateSettles) late settles in its name were refused")
        try await until { stats in stats.ackedTotal + stats.dead >= total && stats.leased == 0 }
        return outcome
    }

    private func kill(_ name: String, _ outcome: inout Outcome) async throws {
        let consumer = try consumer(of: name)
        // Frozen for a moment, so that what it holds is what it dies with.
        cluster.signal(SIGSTOP, name)
        outcome.orphans = try await client.inspector.leases(of: consumer, on: DemoCluster.queue)
        outcome.killedMs = Int64(Date().timeIntervalSince1970 * 1000)
        cluster.signal(SIGKILL, name)
        await cluster.forget(name)
        display.say("\(name) killed with SIGKILL, it held \(outcome.orphans.count) jobs")
    }

    private func freeze(_ name: String, _ outcome: inout Outcome) async throws -> ConsumerID {
        let consumer = try consumer(of: name)
        var held: [Held] = []
        // Between two claims a node may hold nothing for a moment: freeze it when it does not.
        for _ in 0..<200 where held.isEmpty {
            cluster.signal(SIGSTOP, name)
            held = try await client.inspector.leases(of: consumer, on: DemoCluster.queue)
            if held.isEmpty {
                cluster.signal(SIGCONT, name)
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        outcome.frozen = held
        display.say("\(name) frozen with SIGSTOP, it holds \(held.count) jobs")
        return consumer
    }

    private func consumer(of name: String) throws -> ConsumerID {
        let started = DemoHistory([cluster.history(of: name)]).of("started").last?.consumer
        guard let consumer = started.flatMap({ ConsumerID(parsing: $0) }) else {
            throw StintError(.unavailable, "demo", "\(name) did not start", advice: cluster.complaint() ?? "")
        }
        return consumer
    }

    /// Looks ten times a second, and shows what it sees.
    private func until(_ isReached: (QueueStats) async throws -> Bool) async throws {
        let end = ContinuousClock.now.advanced(by: Self.longest)
        while true {
            let stats = try await client.stats(of: DemoCluster.queue)
            display.show(stats, perNode: settledPerNode())
            if try await isReached(stats) { return }
            if let complaint = cluster.complaint() { throw StintError(.unavailable, "demo", complaint) }
            if ContinuousClock.now > end {
                throw StintError(.unavailable, "demo", "no end after \(Self.longest)", advice: "Try a smaller --files.")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func settledPerNode() -> [(name: String, jobs: Int)] {
        ["node-1", "node-2", "node-3"].map { name in
            (name, DemoResult.read(cluster.results(of: name)).count)
        }
    }
}
