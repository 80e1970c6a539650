import Foundation
import Stint
import StintBench
import StintCore
import StintLocal

/// How long a job of a killed node waits for its next run: from the SIGKILL to the start of the handler elsewhere.
struct RecoveryBench {
    let url: String

    /// - Parameter lease: `nil` = the default, with as many rounds as a fast recovery lets one wait for.
    func run(lease: Duration?, _ report: inout Report) async throws {
        var waits: [Double] = []
        repeat {
            waits.append(try await round(lease))
        } while lease == nil && waits.count < 10 && waits[0] < 5
        let settings = lease.map { "lease \(Int($0.inSeconds)) s" } ?? "default settings"
        report.add("from kill -9 to the next run, \(settings), p50", waits.median, "s")
        report.add(
            "from kill -9 to the next run, \(settings), most", waits.max() ?? .nan, "s", .atMost(lease == nil ? 3 : 4))
    }

    private func round(_ lease: Duration?) async throws -> Double {
        try await withClient(url) { client in
            try await client.flush()
            let victim = try await start(lease)
            try await Producer(client).stamped(.enqueued(ns: ProcessUse.monotonicNs), on: "recovery")
            let starts = victim.starts()
            try await starts()
            let other = try await start(lease)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...1000)))
            victim.process.signal(SIGKILL)
            let killedMs = ProcessUse.wallMs
            let line = try await other.process.output.first(within: .seconds(120)) { $0.hasPrefix("start ") }
            try await other.kill()
            _ = try await victim.process.waitForExit()
            return Double((Int64(line.dropFirst("start ".count)) ?? 0) - killedMs) / 1000
        }
    }

    private func start(_ lease: Duration?) async throws -> Role {
        var options = ["nodes", "--url", url, "--queue", "recovery", "--concurrency", "4", "--run-ms", "600000"]
        if let lease { options += ["--lease-ms", "\(lease.wholeMs)"] }
        return try await Role.start(options + ["--says-starts"])
    }
}
