import ArgumentParser
import Foundation
import StintLocal

/// Measures what `docs/benchmarks.md` shows, in one run against one private Redis.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stint-bench",
        abstract: "Measure Stint beside the bare commands, against a private Redis without persistence.",
        subcommands: [Run.self, NodeRole.self, ProducerRole.self],
        defaultSubcommand: Run.self
    )
}

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run all measurements, or some of them.")

    @Option(help: "Jobs in the measurements of cost and throughput.")
    var jobs = 200_000

    @Option(help: "Single jobs in the measurements of pick-up and lateness.")
    var singles = 500

    @Flag(help: "Leave out the recovery with the default lease, which takes over half a minute.")
    var short = false

    @Argument(help: "cost, memory, throughput, pickup, idle, lateness, recovery. Default: all.")
    var only: [String] = []

    func run() async throws {
        let server = try PrivateRedis(.init(persistence: .none))
        try await server.start()
        var report = Report(jobs: jobs)
        do {
            try await measure(server, &report)
            try await server.stop()
        } catch {
            try? await server.stop()
            throw error
        }
        report.printTable()
        if !report.isGood { throw ExitCode(1) }
    }

    private func measure(_ server: PrivateRedis, _ report: inout Report) async throws {
        func wants(_ name: String) -> Bool { only.isEmpty || only.contains(name) }
        if wants("cost") || wants("memory") { try await CostBench(url: server.url, jobs: jobs).run(&report) }
        if wants("throughput") { try await ThroughputBench(url: server.url, jobs: jobs).run(&report) }
        if wants("pickup") { try await LatencyBench(url: server.url, singles: singles).pickUp(&report) }
        if wants("idle") { try await LatencyBench(url: server.url, singles: singles).idle(&report) }
        if wants("lateness") { try await LatencyBench(url: server.url, singles: singles).lateness(&report) }
        if wants("recovery") {
            try await RecoveryBench(url: server.url).run(lease: .seconds(3), target: 4, &report)
            if !short { try await RecoveryBench(url: server.url).run(lease: .seconds(30), target: 32, &report) }
        }
    }
}
