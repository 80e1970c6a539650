import Foundation
import Stint
import StintCore
import StintLocal

/// How long a job of a killed node waits for its next run: from the SIGKILL to the start of the handler elsewhere.
struct RecoveryBench {
    let url: String

    func run(lease: Duration, target: Double, _ report: inout Report) async throws {
        try await withRedis(url) { redis in _ = try await redis.send("FLUSHALL") }
        let client = try await StintClient(.redis(url), logger: quiet)
        let arguments = [
            "node", "--url", url, "--queue", "recovery", "--jobs", "1", "--concurrency", "4", "--run-ms", "600000",
            "--lease-ms", "\(lease.wholeMs)",
        ]
        func start() async throws -> ChildProcess {
            let process = try await ChildProcess.spawn(
                Bundle.main.executablePath ?? CommandLine.arguments[0], arguments)
            _ = try await process.output.first(within: .seconds(20)) { $0 == "ready" }
            return process
        }
        let victim = try await start()
        try await client.enqueue(payload: CostBench.payload, on: "recovery")
        _ = try await victim.output.first(within: .seconds(20)) { $0.hasPrefix("run ") }
        let other = try await start()
        victim.signal(SIGKILL)
        let killedMs = wallMs()
        let line = try await other.output.first(within: .seconds(120)) { $0.hasPrefix("run ") }
        let startedMs = Int64(line.split(separator: " ")[2]) ?? 0
        other.signal(SIGKILL)
        _ = try await victim.waitForExit()
        _ = try await other.waitForExit()
        await client.close()
        report.add(
            "from kill -9 to the next run, lease \(Int(lease.inSeconds)) s", Double(startedMs - killedMs) / 1000, "s",
            .atMost(target))
    }
}
