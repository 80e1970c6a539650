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
                let (rate, latency) = try await Producer(client).singles(
                    callers == 1 ? jobs / 10 : jobs, callers: callers, on: "single")
                let who = callers == 1 ? "a lone caller" : "\(callers) concurrent callers"
                report.add("single enqueues of \(who)", rate, "jobs/s")
                report.add("single enqueue of \(who), p50", latency.p50Ms, "ms")
                report.add("single enqueue of \(who), p99", latency.p99Ms, "ms")
                if callers == 1 {
                    report.add(
                        "single enqueue of a lone caller, in PINGs", latency.p50Ms / 1000 / roundTrip, "",
                        ratio: .loneEnqueue)
                } else {
                    report.add(
                        "single enqueues of \(who) per PING there and back", rate * roundTrip, "", ratio: .manyEnqueues)
                }
            }
        }
    }
}
