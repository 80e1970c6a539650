import ArgumentParser
import Foundation
import Stint
import StintBench
import StintCore
import Synchronization

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how fast this Redis and one node are, and what limits them.",
        discussion: """
            Enqueues jobs, works on them with one node in this process, then measures how soon single jobs start: on an \
            idle node after their enqueue (pick-up), and after their due time (lateness). The CPU of Redis is that of its \
            main thread, for whomever it works: measure when nobody else does.

            The jobs go through a queue of their own, which has to be empty and goes away at the end, also after Ctrl-C.

            EXAMPLES
              stint bench
              stint bench --redis redis://10.0.0.5:6379 --jobs 200000 --payload 1000
              stint bench --handler 5ms --concurrency 64 --json
            """)

    @Option(
        help: ArgumentHelp("The queue to use. There must be no jobs in it.", valueName: "queue"), transform: Parse.queue
    )
    var queue: QueueName = "stint-bench"

    @Option(help: ArgumentHelp("How many jobs to enqueue and to work on.", valueName: "number"))
    var jobs = 100_000

    @Option(help: ArgumentHelp("The size of a payload, 9 bytes or more.", valueName: "bytes"))
    var payload = 200

    @Option(help: ArgumentHelp("How many jobs an enqueue carries, at most 1000.", valueName: "number"))
    var batch = 1000

    @Option(help: ArgumentHelp("How many jobs the node runs at the same time.", valueName: "number"))
    var concurrency = 256

    @Option(
        help: ArgumentHelp(
            "How long each run takes, as 5ms. Default: a handler that does nothing.", valueName: "duration"),
        transform: Parse.duration)
    var handler: Duration = .zero

    @Option(help: ArgumentHelp("How many single jobs to measure pick-up and lateness with.", valueName: "number"))
    var singles = 200

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        func check(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws {
            if !range.contains(value) {
                throw ValidationError("--\(name) is a number from \(range.lowerBound) to \(range.upperBound).")
            }
        }
        try check(jobs, 1...100_000_000, "jobs")
        try check(payload, Stamp.length...Defaults.maxPayloadBytes, "payload")
        try check(batch, 1...Defaults.maxJobsPerCall, "batch")
        try check(concurrency, 1...100_000, "concurrency")
        try check(singles, 1...100_000, "singles")
    }

    func run() async throws {
        try await redis.withClient { client in
            let queue = try await refusing { try await BenchQueue.open(self.queue, client) }
            let bench = QueueBench(plan(isLocal: redis.isLocal), client, connect: redis.connect, progress: progress())
            let work = Task { try await bench.run() }
            let stopped = Mutex<ExitStatus?>(nil)
            let interrupts = Interrupts { number, nth in
                let status: ExitStatus = number == SIGINT ? .interrupted : .terminated
                if nth > 1 { status.exit() }
                stopped.withLock { $0 = status }
                work.cancel()
            }
            defer { withExtendedLifetime(interrupts) {} }
            let result = await work.result
            if Console.isErrorTerminal { Console.writeError("\r\u{1B}[K") }
            let isSure = (try? result.get()) != nil || stopped.withLock { $0 } != nil
            try await refusing { try await queue.clear(ours: isSure ? bench.producer.accepted : nil) }
            if let status = stopped.withLock({ $0 }) { throw CommandError.silent(status) }
            let report = BenchReport(try result.get())
            try output.print(report.json, else: report.text)
        }
    }

    private func plan(isLocal: Bool) -> BenchPlan {
        var plan = BenchPlan(queue: queue)
        plan.jobs = jobs
        plan.payloadBytes = payload
        plan.batch = batch
        plan.concurrency = concurrency
        plan.handler = handler
        plan.singles = singles
        plan.isLocal = isLocal
        return plan
    }

    /// A line that is written over, ten times a second at most.
    private func progress() -> QueueBench.Progress {
        guard Console.isErrorTerminal else { return { _, _, _ in } }
        let shown = LastShown()
        return { step, done, all in
            guard done == 0 || shown.isLongAgo() else { return }
            let numbers = done == 0 ? "" : " \(BenchReport.number(done)) of \(BenchReport.number(all))"
            Console.writeError("\r\u{1B}[K\(step.rawValue)\(numbers) …")
        }
    }

    private final class LastShown: Sendable {
        private let time = Mutex(ContinuousClock.now)

        func isLongAgo() -> Bool {
            time.withLock { time in
                let now = ContinuousClock.now
                guard now - time > .milliseconds(100) else { return false }
                time = now
                return true
            }
        }
    }

    private func refusing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let refusal as BenchRefusal {
            throw CommandError(.failure, refusal.message, advice: refusal.advice)
        }
    }
}
