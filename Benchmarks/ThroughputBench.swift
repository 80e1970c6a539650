import Stint
import StintBench
import StintCore

/// Node and producer processes with a handler that does nothing; both share the machine with Redis.
struct ThroughputBench {
    private static let rounds = 3

    private struct Round {
        let bareUs, bulkAlone, producerCPU, bulk, endToEnd, node, nodeCPU: Double
    }

    let url: String
    let jobs: Int

    func run(_ report: inout Report) async throws {
        var rounds: [Round] = []
        for _ in 0..<Self.rounds { rounds.append(try await round()) }
        func median(_ value: (Round) -> Double) -> Double { rounds.map(value).median }
        report.add(
            "bulk enqueue from one process, no node", median(\.bulkAlone), "jobs/s", .atLeast(150_000))
        report.add("CPU of the producer", median(\.producerCPU), "µs per job")
        report.add("CPU of the producer, in bare jobs", median { $0.producerCPU / $0.bareUs }, "", ratio: .producerCPU)
        report.add("bulk enqueue from one process, while a node works on it", median(\.bulk), "jobs/s")
        report.add(
            "one node, no-op handler, end to end with the enqueue", median(\.endToEnd), "jobs/s", .atLeast(80_000))
        report.add("one node, from its first job to its last", median(\.node), "jobs/s")
        report.add("CPU of the node", median(\.nodeCPU), "µs per job", .atMost(10))
        report.add("CPU of the node, in bare jobs", median { $0.nodeCPU / $0.bareUs }, "", ratio: .nodeCPU)
    }

    private func round() async throws -> Round {
        let bareUs = try await withClient(url) { client in
            let bare = try await Bare(redis: client.redis).cost(jobs: jobs / 5)
            try await client.flush()
            return bare
        }
        let alone = try await producer("alone").result()
        try await withClient(url) { try await $0.flush() }
        let node = try await Role.nodes(url, "--queue", "bench", "--concurrency", "256", "--jobs", "\(jobs)")
        let began = ContinuousClock.now
        let produced = try await producer("bench").result()
        let worked = try await node.result()
        let elapsed = (ContinuousClock.now - began).inSeconds
        let count = Double(jobs)
        return Round(
            bareUs: bareUs, bulkAlone: count / alone.seconds, producerCPU: alone.cpuUs / count,
            bulk: count / produced.seconds, endToEnd: count / elapsed, node: count / worked.seconds,
            nodeCPU: worked.cpuUs / count)
    }

    private func producer(_ queue: String) async throws -> Role {
        try await Role.start(["produce", "--url", url, "--queue", queue, "--jobs", "\(jobs)"])
    }

    /// Each claim takes one job. The jobs are there before the node is.
    func oneByOne(_ report: inout Report) async throws {
        try await withClient(url) { client in
            let bareUs = try await Bare(redis: client.redis).cost(jobs: jobs)
            try await client.flush()
            try await Producer(client).bulk(jobs, batch: 1000, on: ["single"])
            let node = try await Role.nodes(
                url, "--queue", "single", "--concurrency", "16", "--claim-limit", "1", "--jobs", "\(jobs)")
            let worked = try await node.result()
            let cpuUs = worked.cpuUs / Double(jobs)
            report.add("one node, each claim takes one job", Double(jobs) / worked.seconds, "jobs/s", .atLeast(10_000))
            report.add("CPU of the node, each claim takes one job", cpuUs, "µs per job")
            report.add(
                "CPU of the node, each claim takes one job, in bare jobs", cpuUs / bareUs, "", ratio: .oneByOneCPU)
        }
    }
}
