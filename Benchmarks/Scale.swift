import ArgumentParser
import Foundation
import Stint
import StintBench
import StintCore
import StintLocal
import StintStore

/// The same figures with more of everything: waiting jobs, queues, idle nodes. Each point has a server of its own.
struct Scale: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure with up to 10 million jobs, 1,000 queues and 1,000 nodes; writes a table and plots.")

    @Option(help: "Waiting jobs; numbers with commas.")
    var waiting = "1000,10000,100000,1000000,10000000"

    @Option(help: "Queues; numbers with commas.")
    var queues = "1,10,100,1000"

    @Option(help: "Idle nodes of one process; numbers with commas.")
    var nodes = "1,10,100,1000"

    @Option(help: "Single jobs in the measures of pick-up and lateness.")
    var singles = 500

    @Option(help: "The directory for scale.csv and the plots.")
    var output: String

    @Flag(help: "Measure nothing, draw the plots from scale.csv.")
    var replot = false

    func run() async throws {
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let points = replot ? try ScalePoint.read(output + "/scale.csv") : try await measure()
        if !replot { try write(ScalePoint.csv(points), "scale.csv") }
        for axis in ScalePoint.Axis.allCases {
            let those = points.filter { $0.axis == axis }
            if those.count > 1 { try write(ScalePlot(axis: axis, points: those).svg, "\(axis.rawValue).svg") }
        }
    }

    private func measure() async throws -> [ScalePoint] {
        var points: [ScalePoint] = []
        for (axis, list) in [(ScalePoint.Axis.waiting, waiting), (.queues, queues), (.nodes, nodes)] {
            for value in list.split(separator: ",").compactMap({ Int($0) }) where value > 0 {
                if axis == .waiting, !Self.fits(jobs: value) {
                    note("\(value) waiting jobs: left out, the machine has not enough free memory")
                    continue
                }
                let point = try await ScaleBench(axis: axis, value: value, singles: singles).run()
                note(point.line)
                points.append(point)
            }
        }
        return points
    }

    private func write(_ text: String, _ name: String) throws {
        try text.write(toFile: output + "/" + name, atomically: true, encoding: .utf8)
    }

    /// 600 bytes for each job; half of the memory where the system does not say what is free.
    private static func fits(jobs: Int) -> Bool {
        var free = Int(ProcessInfo.processInfo.physicalMemory / 2)
        if let info = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
            let line = info.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        {
            free = kilobytes * 1024
        }
        return jobs * 600 < free
    }
}

/// One point.
struct ScaleBench {
    private static let costRounds = 5
    /// Far enough ahead that none of them comes due meanwhile.
    private static let farAhead = Due.after(.seconds(86_400))

    let axis: ScalePoint.Axis
    let value: Int
    let singles: Int

    private var queueCount: Int { axis == .queues ? value : 1 }
    private var nodeCount: Int { axis == .nodes ? value : 1 }
    private var waiting: Int { axis == .waiting ? value : 0 }

    func run() async throws -> ScalePoint {
        var point = ScalePoint(axis: axis, value: value)
        try await withPrivateServer { server in
            try await withClient(server.url) { client in
                // Nodes and jobs that are not of the cost are there meanwhile, where they are what grows.
                if axis != .nodes { point.redisUs = try await cost(client) }
                try await client.flush("ASYNC")
                let queues = try NodesRole.queues("latency", queueCount - 1)
                try await Producer(client).bulk(waiting, batch: 1000, on: [queues[0]], due: Self.farAhead)
                let pickUp = try await withNodes(server) { started in
                    if axis == .nodes { point.redisUs = try await cost(client) }
                    try await Producer(client).pickUps(singles, on: queues, started: started)
                }
                let lateness = try await withNodes(server) { started in
                    try await Producer(client).delayed(singles, on: queues)
                    for _ in 0..<singles { try await started() }
                }
                (point.pickUpP50, point.pickUpP99) = (pickUp.p50Ms, pickUp.p99Ms)
                (point.latenessP50, point.latenessP99) = (lateness.p50Ms, lateness.p99Ms)
            }
        }
        return point
    }

    /// Enqueue, claim and ack at batch 100, the ready jobs staying as many as they are. Median of some rounds.
    private func cost(_ client: StintClient) async throws -> Double {
        let queues = try NodesRole.queues("cost", queueCount - 1)
        try await Producer(client).bulk(waiting, batch: 1000, on: queues)
        var rounds: [Double] = []
        for _ in 0..<Self.costRounds {
            rounds.append(
                try await CostBench.scripts(client, on: queues, jobs: max(20_000, 100 * queueCount), batch: 100))
        }
        return rounds.median
    }

    private func withNodes(
        _ server: PrivateRedis, _ body: (() async throws -> Void) async throws -> Void
    ) async throws -> LatencySummary {
        let role = try await Role.nodes(
            server.url, "--queue", "latency", "--more-queues", "\(queueCount - 1)", "--nodes", "\(nodeCount)",
            "--says-starts")
        // They look at every queue once before they sleep.
        try await Task.sleep(for: .seconds(2))
        try await body(role.starts())
        guard let latency = try await role.result(asking: true).latencies[BenchNodes.all] else {
            throw BenchError("no job has started")
        }
        return latency
    }
}
