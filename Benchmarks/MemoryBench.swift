import Stint
import StintBench
import StintCore

/// Memory: of Redis per ready job, and of a node whose slots are all busy.
struct MemoryBench {
    let url: String
    let jobs: Int

    func run(_ report: inout Report) async throws {
        try await withClient(url) { client in
            try await client.flush()
            let before = try await ServerInfo.read("memory", client.redis).usedMemory
            try await Producer(client).bulk(jobs, batch: 100, on: ["memory"])
            let bytes = Double(try await ServerInfo.read("memory", client.redis).usedMemory - before) / Double(jobs)
            report.add(
                "Redis memory per ready job, beyond its 200 B payload", bytes - 200, "B", .atMost(220), ratio: .memory)
        }
    }

    func inFlight(_ report: inout Report) async throws {
        let jobs = 1000
        try await withClient(url) { client in
            try await client.flush()
            let role = try await Role.nodes(
                url, "--queue", "inflight", "--concurrency", "\(jobs)", "--run-ms", "15000", "--jobs", "\(jobs)",
                "--says-starts")
            try await Producer(client).bulk(jobs, batch: 1000, on: ["inflight"])
            let result = try await role.result()
            precondition(result.seconds < 29, "all of them ran at the same time")
            report.add(
                "peak memory of a node process with 1,000 jobs in flight", Double(result.peakMemory) / 1e6, "MB",
                .atMost(60), ratio: .nodeMemory)
        }
    }
}
