import Foundation
import Stint
import StintLocal

/// One node process with a handler that does nothing, fed by another process; both share the machine with Redis.
struct ThroughputBench {
    private struct Result: Decodable {
        let seconds: Double
        let cpu_us: Double
    }

    let url: String
    let jobs: Int

    func run(_ report: inout Report) async throws {
        try await withRedis(url) { redis in _ = try await redis.send("FLUSHALL") }
        let node = try await spawn("node", "--url", url, "--queue", "bench", "--jobs", String(jobs))
        _ = try await node.output.first(within: .seconds(20)) { $0 == "ready" }
        let began = DispatchTime.now().uptimeNanoseconds
        let producer = try await spawn("produce", "--url", url, "--queue", "bench", "--jobs", String(jobs))
        let produced = try await result(of: producer)
        let worked = try await result(of: node)
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
        _ = try await producer.waitForExit()
        _ = try await node.waitForExit()
        report.add("bulk enqueue from one process", Double(jobs) / produced.seconds, "jobs/s")
        report.add("one node, no-op handler, end to end with the enqueue", Double(jobs) / elapsed, "jobs/s")
        report.add(
            "one node, from its first job to its last", Double(jobs) / worked.seconds, "jobs/s", .atLeast(40_000))
        report.add("CPU of the node", worked.cpu_us / Double(jobs), "µs per job")
    }

    private func result(of process: ChildProcess) async throws -> Result {
        let line = try await process.output.first(within: .seconds(120)) { $0.hasPrefix("{") }
        return try JSONDecoder().decode(Result.self, from: Data(line.utf8))
    }
}

/// Starts this program in another role.
func spawn(_ arguments: String...) async throws -> ChildProcess {
    try await ChildProcess.spawn(Bundle.main.executablePath ?? CommandLine.arguments[0], arguments)
}
