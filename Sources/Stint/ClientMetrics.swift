import Metrics
import StintCore
import StintStore
import Synchronization

/// The figures of a client for swift-metrics. There is none while no backend is bootstrapped.
final class ClientMetrics: Sendable {
    private struct Kind: Hashable {
        let queue: QueueName
        let type: JobType
    }

    private struct Counters {
        let accepted, exists, failed: Counter
    }

    private let factory: any MetricsFactory
    private let counters = Mutex<[Kind: Counters]>([:])

    /// - Returns: `nil` when there is no backend.
    init?(_ factory: any MetricsFactory) {
        if factory is NOOPMetricsHandler { return nil }
        self.factory = factory
    }

    func enqueued(_ jobs: [NewJob], _ outcomes: [EnqueueOutcome], on queue: QueueName) {
        forEachType(zip(jobs, outcomes).map { ($0.header.type, $1.isAccepted) }, on: queue) { counters, accepted in
            let count = accepted.count { $0 }
            if count > 0 { counters.accepted.increment(by: count) }
            if count < accepted.count { counters.exists.increment(by: accepted.count - count) }
        }
    }

    func failed(_ jobs: [NewJob], on queue: QueueName) {
        forEachType(jobs.map { ($0.header.type, false) }, on: queue) { $0.failed.increment(by: $1.count) }
    }

    /// One look-up for jobs of one type in a row: nearly always for the whole call.
    private func forEachType(_ jobs: [(JobType, Bool)], on queue: QueueName, _ body: (Counters, [Bool]) -> Void) {
        var rest = jobs[...]
        while let type = rest.first?.0 {
            let run = rest.prefix { $0.0 == type }
            rest = rest.dropFirst(run.count)
            body(counters(for: Kind(queue: queue, type: type)), run.map(\.1))
        }
    }

    private func counters(for kind: Kind) -> Counters {
        counters.withLock { counters in
            if let known = counters[kind] { return known }
            func counter(_ outcome: String) -> Counter {
                let about = [("queue", kind.queue.rawValue), ("type", kind.type.rawValue), ("outcome", outcome)]
                return Counter(label: "stint_jobs_enqueued_total", dimensions: about, factory: factory)
            }
            let new = Counters(accepted: counter("accepted"), exists: counter("exists"), failed: counter("failed"))
            counters[kind] = new
            return new
        }
    }
}
