import Stint
import StintBench
import StintCore
import StintLocal

/// How soon a job starts: after its enqueue, and after its due time; and what idle nodes cost. All nodes are in one process
/// on one queue, with connections of their own; the producer is another process.
struct LatencyBench {
    /// How long nodes get to fall asleep after a start, and after work.
    private static let rest = Duration.milliseconds(500)

    let server: PrivateRedis
    let singles: Int
    let nodes: Int
    private let queue = "latency"

    init(_ bench: Bench, nodes: Int) {
        server = bench.server
        singles = bench.singles
        self.nodes = nodes
    }

    private var those: String { nodes == 1 ? "1 idle node" : "\(nodes) idle nodes" }

    func pickUp(_ report: inout Report) async throws {
        let singles = self.singles, queue = try QueueName(self.queue)
        let (result, claims) = try await withNodes { client, role in
            let producer = Producer(client)
            let started = role.starts()
            try await producer.pickUps(singles, on: [queue], started: started)
            try await Task.sleep(for: Self.rest)
            return try await claimsPerJob { try await producer.pickUps(200, on: [queue], started: started) }
        }
        let latency = try latency(of: result)
        report.add("pick-up with \(those), p50", latency.p50Ms, "ms", .atMost(0.3))
        report.add("pick-up with \(those), p99", latency.p99Ms, "ms", .atMost(1))
        report.add("claims per job with \(those)", claims, "", .atMost(2), ratio: .claims(nodes: nodes))
    }

    /// The claims of a rest are those of the poll: what as much time costs without a job does not count.
    private func claimsPerJob(_ body: () async throws -> Void) async throws -> Double {
        let idle = try await Monitor.counting(server.socketPath) { try await Task.sleep(for: .seconds(6)) }
        let busy = try await Monitor.counting(server.socketPath, body)
        let polls = Double(idle.counts["claim"] ?? 0) / idle.seconds * busy.seconds
        return max(0, Double(busy.counts["claim"] ?? 0) - polls) / 200
    }

    func lateness(_ report: inout Report) async throws {
        let singles = self.singles, queue = try QueueName(self.queue)
        let (result, _) = try await withNodes { client, role in
            let started = role.starts()
            try await Producer(client).delayed(singles, on: [queue])
            for _ in 0..<singles { try await started() }
        }
        let latency = try latency(of: result)
        report.add("lateness of jobs due in 1 to 3 s with \(those), p50", latency.p50Ms, "ms", .atMost(0.5))
        report.add("lateness of jobs due in 1 to 3 s with \(those), p99", latency.p99Ms, "ms", .atMost(2))
        report.add("earliest start against the due time with \(those)", latency.leastMs, "ms", .atLeast(0))
    }

    func idle(_ report: inout Report) async throws {
        let (_, sent) = try await withNodes { _, _ in
            try await Task.sleep(for: .seconds(2))
            return try await Monitor.counting(server.socketPath) { try await Task.sleep(for: .seconds(20)) }
        }
        let perNode = Double(sent.counts.values.reduce(0, +)) / sent.seconds / Double(nodes)
        report.add(
            "commands per idle node, of \(nodes)", perNode, "per s", .atMost(0.5),
            // A single node sends some five in that time: one more or less is not a change.
            ratio: nodes >= 100 ? .idle(nodes: nodes) : nil)
        let kinds = sent.counts.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
        note("    in \(Int(sent.seconds)) s: " + kinds.joined(separator: ", "))
    }

    private func latency(of result: Role.Result) throws -> LatencySummary {
        guard let latency = result.latencies[queue] else { throw BenchError("no job has started") }
        return latency
    }

    private func withNodes<Value>(
        _ body: (StintClient, Role) async throws -> Value
    ) async throws -> (Role.Result, Value) {
        try await withClient(server.url) { client in
            try await client.flush()
            let role = try await Role.nodes(server.url, "--queue", queue, "--nodes", "\(nodes)", "--says-starts")
            try await Task.sleep(for: Self.rest)
            let value = try await body(client, role)
            return (try await role.result(asking: true), value)
        }
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
