import Stint
import StintBench

/// Single enqueues through the public call.
struct EnqueueBench {
    let url: String
    let jobs: Int

    func run(_ report: inout Report) async throws {
        try await withClient(url) { client in
            try await client.flush()
            let roundTrip = try await Bare(redis: client.redis).roundTrip()
            report.add("PING there and back, p50", roundTrip * 1000, "ms")
            for callers in [64, 1] {
                // The first calls open the queue and load the script.
                _ = try await Producer(client).singles(100, callers: 1, on: "single")
                let count = callers == 1 ? jobs / 10 : jobs
                let callsBefore = try await calls(client)
                let (rate, latency) = try await Producer(client).singles(count, callers: callers, on: "single")
                let callsPerJob = Double(try await calls(client) - callsBefore) / Double(count)
                let who = callers == 1 ? "a lone caller" : "\(callers) concurrent callers"
                report.add("single enqueues of \(who)", rate, "jobs/s")
                report.add("single enqueue of \(who), p50", latency.p50Ms, "ms")
                report.add("single enqueue of \(who), p99", latency.p99Ms, "ms")
                if callers == 1 {
                    report.add(
                        "single enqueue of a lone caller, in PINGs", latency.p50Ms / 1000 / roundTrip, "",
                        ratio: .loneEnqueue)
                } else {
                    report.add("calls of Redis per enqueue of \(who)", callsPerJob, "", ratio: .enqueueCalls)
                }
            }
        }
    }

    private func calls(_ client: StintClient) async throws -> Int {
        try await ServerInfo.read("commandstats", client.redis).commandCalls(Bare.scripts)
    }
}
