import ArgumentParser
import Foundation
import Stint
import StintBench
import StintCore
import Synchronization

/// A process with nodes. Says `ready`, then, if it is asked to, a line for each start of a job with a stamp; at the end one
/// line of JSON. It ends with its jobs, or with its input.
struct NodesRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes", abstract: "A process with nodes, for the measures.", shouldDisplay: false)

    @Option var url: String
    @Option var queue: String
    /// Beside the queue, so many of its name with a number.
    @Option var moreQueues = 0
    @Option var nodes = 1
    @Option var concurrency = 8
    @Option var leaseMs: Int?
    @Option var prefetchMs: Int?
    @Option var claimLimit: Int?
    /// How long a run takes.
    @Option var runMs = 0
    /// Ends after so many runs; 0 = with its input.
    @Option var jobs = 0
    @Flag var saysStarts = false

    func run() async throws {
        raiseFileLimit()
        var plan = BenchNodes.Plan(queues: try Self.queues(queue, moreQueues))
        plan.nodes = nodes
        plan.concurrency = concurrency
        if let leaseMs { plan.lease = .milliseconds(leaseMs) }
        plan.prefetch = prefetchMs.map { .milliseconds($0) }
        if let claimLimit { plan.claimLimit = claimLimit }
        plan.handler = .milliseconds(runMs)
        let bench = BenchNodes(expecting: jobs > 0 ? jobs : .max)
        let result = try await bench.run(plan) {
            try await connect(url)
        } _: {
            let cpuBefore = ProcessUse.cpuUs
            say("ready")
            if jobs > 0 { try await bench.finish() } else { await untilInputEnds(bench) }
            return Role.Result(
                seconds: bench.span, cpuUs: ProcessUse.cpuUs - cpuBefore, peakMemory: ProcessUse.peakMemory,
                latencies: bench.summaries)
        }
        try say(result)
    }

    static func queues(_ name: String, _ more: Int) throws -> [QueueName] {
        try [QueueName(name)] + (0..<more).map { try QueueName("\(name)-\($0)") }
    }

    private func untilInputEnds(_ bench: BenchNodes) async {
        let (ended, end) = AsyncStream<Void>.makeStream()
        // A thread of its own: the pool's threads are for handlers.
        Thread.detachNewThread {
            _ = FileHandle.standardInput.readDataToEndOfFile()
            end.finish()
        }
        let saysStarts = self.saysStarts
        await withTaskGroup(of: Void.self) { group in
            if saysStarts {
                group.addTask {
                    while (try? await bench.nextStart()) != nil { say("start \(ProcessUse.wallMs)") }
                }
            }
            for await _ in ended {}
            group.cancelAll()
        }
    }
}

/// A process that enqueues jobs in bulk. Says `ready`, and at the end one line of JSON.
struct ProducerRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce", abstract: "A producer process, for the measures.", shouldDisplay: false)

    @Option var url: String
    @Option var queue: String
    @Option var jobs: Int

    func run() async throws {
        try await withClient(url) { client in
            say("ready")
            let (cpuBefore, began) = (ProcessUse.cpuUs, ContinuousClock.now)
            try await Producer(client).bulk(jobs, batch: 1000, on: [try QueueName(queue)])
            let seconds = (ContinuousClock.now - began).inSeconds
            try say(Role.Result(seconds: seconds, cpuUs: ProcessUse.cpuUs - cpuBefore))
        }
    }
}

private func say(_ result: Role.Result) throws {
    say(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
}

/// A thousand nodes have three connections each.
func raiseFileLimit() {
    var limit = rlimit()
    #if canImport(Darwin)
    let resource = RLIMIT_NOFILE
    #else
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif
    getrlimit(resource, &limit)
    limit.rlim_cur = min(limit.rlim_max, 16_384)
    setrlimit(resource, &limit)
}
