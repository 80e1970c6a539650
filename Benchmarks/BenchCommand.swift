import ArgumentParser
import Foundation
import StintLocal

/// Measures what `docs/benchmarks.md` shows, in one run against one private Redis.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stint-bench",
        abstract: "Measure Stint beside the bare commands, against a private Redis without persistence.",
        discussion: """
            `stint-bench` runs all measures, `stint-bench pickup idle` runs these two. See `stint-bench run --help` for options.

            MEASURES

            """ + Measure.table,
        subcommands: [Run.self, Scale.self, NodesRole.self, ProducerRole.self],
        defaultSubcommand: Run.self
    )
}

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run all measures, or those that are named.",
        discussion: "MEASURES\n\n" + Measure.table)

    @Option(help: "Jobs in the measures of cost and throughput.")
    var jobs = 200_000

    @Option(help: "Single jobs in the measures of pick-up and lateness.")
    var singles = 500

    @Option(help: "Idle nodes of one process, for pick-up, idle and lateness; numbers with commas.")
    var nodes = "1,10,100"

    @Flag(help: "Leave out the recovery with a lease of 3 s.")
    var short = false

    @Option(help: "Compare the ratios with those of this file; one that is more than 10 % worse fails the run.")
    var ratios: String?

    @Option(help: "Write the ratios to this file.")
    var writeRatios: String?

    @Argument(help: "Measures, of those below. Default: all.")
    var only: [Measure] = []

    func validate() throws {
        if writeRatios != nil, !only.isEmpty {
            throw ValidationError(
                "--write-ratios goes with all measures: a file without some of them compares nothing.")
        }
        if counts.isEmpty { throw ValidationError("--nodes takes numbers with commas, as 1,10,100.") }
    }

    private var counts: [Int] { nodes.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 } }

    func run() async throws {
        let wanted = only.isEmpty ? Measure.allCases : Measure.allCases.filter(only.contains)
        var report = try await measure(wanted)
        report.printTable()
        var isGood = report.isGood
        if let ratios {
            let file = try RatioFile.read(ratios)
            // What else the machine did for a moment is no regression: those that look like one get a second chance.
            let suspects = Set(file.changes(to: report.ratios).filter(\.isWorse).map(\.ratio.measure))
            if !suspects.isEmpty {
                note("once more, because of ratios that are worse")
                report.keepBetterRatios(of: try await measure(Measure.allCases.filter(suspects.contains)))
            }
            let changes = file.changes(to: report.ratios)
            RatioFile.print(changes)
            if changes.contains(where: \.isWorse) { isGood = false }
        }
        if let writeRatios { try RatioFile(report.ratios).write(to: writeRatios) }
        if !isGood { throw ExitCode(1) }
    }

    private func measure(_ measures: [Measure]) async throws -> Report {
        var report = Report()
        try await withPrivateServer { server in
            for measure in measures {
                note(measure.rawValue)
                try await measure.run(Bench(server: server, jobs: jobs, singles: singles, counts: counts), &report)
                if measure == .recovery, !short {
                    try await RecoveryBench(url: server.url).run(lease: .seconds(3), &report)
                }
            }
        }
        return report
    }
}

/// What all measures are given.
struct Bench {
    let server: PrivateRedis
    let jobs: Int
    let singles: Int
    let counts: [Int]

    var url: String { server.url }
}

enum Measure: String, CaseIterable, ExpressibleByArgument {
    case cost, memory, throughput, oneByOne = "one-by-one", enqueue, pickup, idle, lateness, flood, inflight, recovery

    var meaning: String {
        switch self {
        case .cost: "Redis time per job at batches of 100, 10 and 1, beside the bare commands"
        case .memory: "Redis memory per ready job"
        case .throughput: "one node and one producer, end to end; their CPU per job"
        case .oneByOne: "one node whose claims take one job each"
        case .enqueue: "single enqueues, of 64 callers and of one"
        case .pickup: "from the enqueue to the handler with idle nodes, and claims per job"
        case .idle: "commands that idle nodes send"
        case .lateness: "from the due time to the handler with idle nodes"
        case .flood: "lateness of other jobs while 100,000 come due in one second"
        case .inflight: "memory of a node with 1,000 jobs in flight"
        case .recovery: "from kill -9 to the next run"
        }
    }

    static var table: String {
        allCases.map { measure in
            "  " + measure.rawValue.padding(toLength: 12, withPad: " ", startingAt: 0) + measure.meaning
        }.joined(separator: "\n")
    }

    func run(_ bench: Bench, _ report: inout Report) async throws {
        switch self {
        case .cost: try await CostBench(url: bench.url, jobs: bench.jobs).run(&report)
        case .memory: try await MemoryBench(url: bench.url, jobs: bench.jobs).run(&report)
        case .throughput: try await ThroughputBench(url: bench.url, jobs: bench.jobs).run(&report)
        case .oneByOne: try await ThroughputBench(url: bench.url, jobs: bench.jobs / 4).oneByOne(&report)
        case .enqueue: try await EnqueueBench(url: bench.url, jobs: bench.jobs / 4).run(&report)
        case .pickup: for nodes in bench.counts { try await LatencyBench(bench, nodes: nodes).pickUp(&report) }
        case .idle: for nodes in bench.counts { try await LatencyBench(bench, nodes: nodes).idle(&report) }
        case .lateness: for nodes in bench.counts { try await LatencyBench(bench, nodes: nodes).lateness(&report) }
        case .flood: try await FloodBench(url: bench.url).run(&report)
        case .inflight: try await MemoryBench(url: bench.url, jobs: bench.jobs).inFlight(&report)
        case .recovery: try await RecoveryBench(url: bench.url).run(lease: nil, &report)
        }
    }
}

/// A throw-away server for `body`; it goes whatever happens.
func withPrivateServer(_ body: (PrivateRedis) async throws -> Void) async throws {
    let server = try PrivateRedis(.init(persistence: .none))
    try await server.start()
    do {
        try await body(server)
        try await server.stop()
    } catch {
        try? await server.stop()
        throw error
    }
}
