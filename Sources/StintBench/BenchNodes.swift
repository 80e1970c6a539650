import Logging
import NIOCore
import NIOPosix
package import Stint
package import StintCore
import StintRuntime
import Synchronization

/// Nodes of one process, each with connections of its own, that run the measured jobs.
package final class BenchNodes: Sendable {
    package struct Plan: Sendable {
        package var queues: [QueueName]
        package var nodes = 1
        package var concurrency = 8
        package var lease = Defaults.lease
        /// Zero = a claim takes no more jobs than slots are free.
        package var prefetch: Duration?
        /// The most jobs of one claim.
        package var claimLimit = Defaults.maxJobsPerCall
        /// How long a run takes; zero = a handler that does nothing.
        package var handler = Duration.zero

        package init(queues: [QueueName]) {
            self.queues = queues
        }
    }

    /// How late jobs with a stamp began, by queue and priority.
    private let latencies = Mutex<[String: LatencyRecorder]>([:])
    private let starts: AsyncStream<Void>
    private let began: AsyncStream<Void>.Continuation
    private let startedCount = Atomic(0)
    private let finishedCount = Atomic(0)
    private let firstNs = Atomic<Int64>(0)
    private let lastNs = Atomic<Int64>(0)
    private let handlerNs = Atomic<Int64>(0)
    private let expected: Int

    /// - Parameter expected: how many runs ``finish()`` waits for.
    package init(expecting expected: Int = .max) {
        self.expected = expected
        (starts, began) = AsyncStream<Void>.makeStream()
    }

    package var started: Int { startedCount.load(ordering: .relaxed) }
    package var finished: Int { finishedCount.load(ordering: .relaxed) }

    /// From the beginning of the first run to the end of the last one, seconds.
    package var span: Double {
        Double(lastNs.load(ordering: .relaxed) - firstNs.load(ordering: .relaxed)) / 1e9
    }

    /// How long handlers that take time have run, all together, seconds. A sleep takes longer than it was asked for.
    package var handlerSeconds: Double { Double(handlerNs.load(ordering: .relaxed)) / 1e9 }

    /// The name, no queue's, under which ``summaries`` has all jobs.
    package static let all = "*"

    /// By `queue` for jobs of priority 0, else by `queue@priority`, and of all.
    package var summaries: [String: LatencySummary] { latencies.withLock { $0.mapValues(\.summary) } }

    /// Starts the nodes, runs `body` once all of them are there, and stops them, whatever `body` does.
    package func run<Value: Sendable>(
        _ plan: Plan, connect: () async throws -> StintClient, _ body: () async throws -> Value
    ) async throws -> Value {
        var clients: [StintClient] = []
        var nodes: [StintNode] = []
        let (up, isUp) = AsyncStream<Void>.makeStream()
        do {
            for index in 0..<plan.nodes {
                let client = try await connect()
                clients.append(client)
                nodes.append(
                    try StintNode(client, configuration(plan, index), Handlers([Producer.jobType: handler(plan)])) {
                        if case .started = $0 { isUp.yield() }
                    })
            }
            let value = try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes { group.addTask { try await node.run() } }
                defer { for node in nodes { node.stop() } }
                var iterator = up.makeAsyncIterator()
                for _ in nodes { await iterator.next() }
                try Task.checkCancellation()
                return try await body()
            }
            await close(clients)
            return value
        } catch {
            await close(clients)
            throw error
        }
    }

    /// Waits for the next start of a job with a stamp, or for the last expected end.
    package func nextStart() async throws {
        for await _ in starts { return }
        throw CancellationError()
    }

    /// Waits until as many runs have ended as are expected.
    package func finish() async throws {
        while finished < expected { try await nextStart() }
    }

    private func configuration(_ plan: Plan, _ index: Int) throws -> NodeConfiguration {
        var configuration = NodeConfiguration(
            queues: plan.queues.map { .init($0) }, concurrency: plan.concurrency,
            consumer: try ConsumerID(name: "bench-\(index)"))
        configuration.lease = plan.lease
        // Who stops a measurement waits for nothing: what still runs is handed back.
        configuration.grace = .zero
        if let prefetch = plan.prefetch { configuration.prefetchTime = prefetch }
        configuration.claimLimit = plan.claimLimit
        return configuration
    }

    private func handler(_ plan: Plan) -> Handler {
        let time = plan.handler
        return Handler { [self] context in
            let stamp = Stamp(context.payload)
            if let elapsed = stamp?.elapsedNs { record(elapsed, context) }
            if startedCount.add(1, ordering: .relaxed).oldValue == 0 {
                firstNs.store(ProcessUse.monotonicNs, ordering: .relaxed)
            }
            if stamp != nil { began.yield() }
            if time > .zero {
                let began = ProcessUse.monotonicNs
                try await Task.sleep(for: time)
                handlerNs.add(ProcessUse.monotonicNs - began, ordering: .relaxed)
            }
            if finishedCount.add(1, ordering: .sequentiallyConsistent).newValue == expected {
                lastNs.store(ProcessUse.monotonicNs, ordering: .relaxed)
                began.yield()
            }
        }
    }

    private func record(_ elapsedNs: Int64, _ context: JobContext) {
        let name = context.priority == 0 ? context.queue.rawValue : "\(context.queue)@\(context.priority)"
        let recorders = latencies.withLock { all in
            [name, Self.all].map { name in
                if let known = all[name] { return known }
                let new = LatencyRecorder()
                all[name] = new
                return new
            }
        }
        for recorder in recorders { recorder.record(ns: elapsedNs) }
    }

    private func close(_ clients: [StintClient]) async {
        for client in clients { await client.close() }
    }
}
