package import NIOCore
package import Stint
package import StintCore
package import StintStore
import Synchronization

/// The ways in which the measurements enqueue.
package struct Producer: Sendable {
    package static let jobType: JobType = "stint-bench"

    package let client: StintClient
    package let payloadBytes: Int
    private let counter = Counter()

    package init(_ client: StintClient, payloadBytes: Int = 200) {
        self.client = client
        self.payloadBytes = payloadBytes
    }

    /// How many jobs it has put into queues. A call that is under way when the task is cancelled still counts.
    package var accepted: Int { counter.value.load(ordering: .relaxed) }

    package var payload: ByteBuffer { ByteBuffer(repeating: UInt8(ascii: "x"), count: payloadBytes) }

    /// Many jobs, in batches, sixteen calls at a time.
    ///
    /// - Parameter progress: is told how many were accepted so far.
    package func bulk(
        _ jobs: Int, batch: Int, on queues: [QueueName], due: Due = .now, priority: Int = 0,
        progress: (@Sendable (Int) -> Void)? = nil
    ) async throws {
        let payload = self.payload, client = self.client
        let header = JobHeader(type: Self.jobType, priority: priority)
        let (counter, before) = (self.counter, accepted)
        try await pipelined((jobs + batch - 1) / batch) { index in
            let new = client.mint(min(batch, jobs - index * batch)).map {
                NewJob(id: $0, isFresh: true, header: header, payload: payload, due: due)
            }
            _ = try await client.enqueue(new, on: queues[index % queues.count])
            progress?(counter.add(new.count) - before)
        }
    }

    /// Single jobs through the public call, from `callers` at the same time, each with one call under way.
    package func singles(_ jobs: Int, callers: Int, on queue: QueueName) async throws -> (
        perSecond: Double, latency: LatencySummary
    ) {
        let payload = self.payload, client = self.client, counter = self.counter
        let latencies = LatencyRecorder()
        let began = ContinuousClock.now
        try await pipelined(jobs, callers: callers) { _ in
            let start = ContinuousClock.now
            try await client.enqueue(payload: payload, type: Self.jobType, on: queue)
            _ = counter.add(1)
            latencies.record(ContinuousClock.now - start)
        }
        return (Double(jobs) / (ContinuousClock.now - began).inSeconds, latencies.summary)
    }

    /// One job that carries a stamp.
    package func stamped(_ stamp: Stamp, on queue: QueueName, priority: Int = 0) async throws {
        var new = NewJob(
            id: client.mint(1)[0], isFresh: true, header: JobHeader(type: Self.jobType, priority: priority),
            payload: stamp.payload(payloadBytes))
        if case .due(let ms) = stamp { new.due = .at(ms: ms) }
        _ = try await client.enqueue([new], on: queue)
        _ = counter.add(1)
    }

    /// Jobs one after the other, each once `started` has come back for the last one and the nodes sleep again.
    package func pickUps(_ jobs: Int, on queues: [QueueName], started: () async throws -> Void) async throws {
        for _ in 0..<jobs {
            try await stamped(.enqueued(ns: ProcessUse.monotonicNs), on: queues.randomElement() ?? queues[0])
            try await started()
            // Without a rest this would measure a busy node.
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Jobs due at random times of `window`, in seconds from now.
    package func delayed(
        _ jobs: Int, on queues: [QueueName], window: ClosedRange<Double> = 1...3, priority: Int = 0
    ) async throws {
        let nowMs = ProcessUse.wallMs
        let producer = self
        try await pipelined(jobs) { _ in
            let at = nowMs + Int64(Double.random(in: window) * 1000)
            try await producer.stamped(.due(ms: at), on: queues.randomElement() ?? queues[0], priority: priority)
        }
    }
}

private final class Counter: Sendable {
    let value = Atomic(0)

    func add(_ count: Int) -> Int { value.add(count, ordering: .relaxed).newValue }
}

/// `body` for each index, from some callers at the same time, so that round trips do not dominate.
package func pipelined(
    _ count: Int, callers: Int = 16, _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<min(callers, max(1, count)) {
            group.addTask {
                for index in stride(from: caller, to: count, by: callers) {
                    try Task.checkCancellation()
                    try await body(index)
                }
            }
        }
        try await group.waitForAll()
    }
}
