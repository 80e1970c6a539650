import Stint
import StintBench
import StintCore
import StintStore

/// 100,000 jobs come due at random times of one second, in the queue `flood`. Meanwhile, and for the second after, others come
/// due: 300 in another queue, and 300 of a higher priority in the same. One node with a handler that does nothing works on
/// both queues; told is from the due time of the others to their handler.
struct FloodBench {
    private static let flood = 100_000
    private static let others = 300

    let url: String

    func run(_ report: inout Report) async throws {
        let total = Self.flood + 2 * Self.others
        try await withClient(url) { client in
            try await client.flush()
            // The jobs are there before the node: enqueueing them is not part of the flood.
            let startMs = ProcessUse.wallMs + 6000
            try await schedule(startMs, client)
            guard ProcessUse.wallMs < startMs - 1000 else { throw BenchError("the machine is too slow for the flood") }
            let role = try await Role.nodes(
                url, "--queue", "flood", "--more-queues", "1", "--concurrency", "256", "--jobs", "\(total)")
            let result = try await role.result()
            for (name, what) in [("flood-0", "in another queue"), ("flood@10", "of a higher priority")] {
                guard let latency = result.latencies[name] else { throw BenchError("no job \(what) has started") }
                report.add("lateness of others \(what) in a flood, p50", latency.p50Ms, "ms")
                report.add("lateness of others \(what) in a flood, p99", latency.p99Ms, "ms")
                report.add("lateness of others \(what) in a flood, most", latency.mostMs, "ms", .atMost(50))
            }
        }
    }

    private func schedule(_ startMs: Int64, _ client: StintClient) async throws {
        let producer = Producer(client)
        try await pipelined(1000) { millisecond in
            let due = Due.at(ms: startMs + Int64(millisecond))
            try await producer.bulk(Self.flood / 1000, batch: 100, on: ["flood"], due: due)
        }
        let ahead = Double(startMs - ProcessUse.wallMs) / 1000
        try await producer.delayed(Self.others, on: ["flood-0"], window: ahead...ahead + 2)
        try await producer.delayed(Self.others, on: ["flood"], window: ahead...ahead + 2, priority: 10)
    }
}
