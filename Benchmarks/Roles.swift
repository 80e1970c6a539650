import ArgumentParser
import Foundation
import Logging
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import Synchronization

/// A node process of the benchmark. Says `ready`, then after its jobs one line of JSON.
struct NodeRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "A node process of the benchmark.", shouldDisplay: false)

    @Option var url: String
    @Option var queue: String
    @Option var jobs: Int
    @Option var concurrency = 256
    @Option var leaseMs = 30_000
    /// Milliseconds that a run takes; 0 = a handler that does nothing.
    @Option var runMs = 0

    func run() async throws {
        let client = try await StintClient(.redis(url), logger: quiet)
        var configuration = NodeConfiguration(
            queues: [.init(try QueueName(queue))], concurrency: concurrency,
            consumer: try ConsumerID(name: "bench-\(getpid())")
        )
        configuration.lease = .milliseconds(leaseMs)
        let began = Atomic<UInt64>(0)
        let settled = Atomic(0)
        let (done, finish) = AsyncStream<Void>.makeStream()
        let (jobs, runMs) = (self.jobs, self.runMs)
        let handler = Handler { context in
            if began.load(ordering: .relaxed) == 0 {
                began.store(DispatchTime.now().uptimeNanoseconds, ordering: .relaxed)
            }
            if runMs > 0 {
                say("run \(context.id) \(wallMs()) \(context.attempt)")
                try await Task.sleep(for: .milliseconds(runMs))
            }
            if settled.add(1, ordering: .relaxed).newValue == jobs { finish.yield() }
        }
        let node = try StintNode(client, configuration, Handlers(fallback: handler))
        let work = Task { try await node.run() }
        let cpuBefore = cpuMicroseconds()
        say("ready")
        for await _ in done { break }
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - began.load(ordering: .relaxed)) / 1e9
        say("{\"seconds\":\(elapsed),\"cpu_us\":\(cpuMicroseconds() - cpuBefore)}")
        node.stop()
        try await work.value
        await client.close()
    }
}

/// A process that enqueues jobs in bulk. Ends with one line of JSON.
struct ProducerRole: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce", abstract: "A producer process of the benchmark.", shouldDisplay: false)

    @Option var url: String
    @Option var queue: String
    @Option var jobs: Int

    func run() async throws {
        let client = try await StintClient(.redis(url), logger: quiet)
        let queue = try QueueName(queue)
        let minter = JobIDMinter()
        let began = DispatchTime.now().uptimeNanoseconds
        let batches = (jobs + 999) / 1000
        let jobs = self.jobs
        try await pipelined(batches) { index in
            let count = min(1000, jobs - index * 1000)
            let new = minter.mint(count, atMs: wallMs()).map {
                NewJob(id: $0, isFresh: true, header: JobHeader(type: "bench"), payload: CostBench.payload)
            }
            _ = try await client.enqueue(new, on: queue)
        }
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
        say("{\"seconds\":\(elapsed),\"cpu_us\":\(cpuMicroseconds())}")
        await client.close()
    }
}

let quiet = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })

func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

func wallMs() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

/// User and system time of this process.
func cpuMicroseconds() -> Int {
    var usage = rusage()
    #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    #else
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #endif
    return (Int(usage.ru_utime.tv_sec) + Int(usage.ru_stime.tv_sec)) * 1_000_000 + Int(usage.ru_utime.tv_usec)
        + Int(usage.ru_stime.tv_usec)
}
