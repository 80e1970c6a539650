import Metrics
import StintCore
import StintStore
import Synchronization

/// The figures of a node for swift-metrics. There is none while no backend is bootstrapped, so that nobody pays for figures
/// that nobody collects.
///
/// What every run needs is made once for each queue and type and found without a lock. What happens seldom is looked up in
/// the backend each time.
final class NodeMetrics: Sendable {
    /// Types for which there is no handler of their own, all in one: types come from outside, and labels must be few.
    private static let otherTypes = "other"

    private final class Runs: Sendable {
        let started: Counter
        let duration: Timer
        let ended: [String: Counter]

        init(_ queue: QueueName, _ type: String, _ factory: any MetricsFactory) {
            let about = [("queue", queue.rawValue), ("type", type)]
            started = Counter(label: "stint_runs_started_total", dimensions: about, factory: factory)
            duration = Timer(label: "stint_run_duration", dimensions: about, factory: factory)
            ended = Dictionary(
                uniqueKeysWithValues: Settle.outcomes.map { outcome in
                    let about = about + [("outcome", outcome)]
                    return (
                        outcome, Counter(label: "stint_runs_ended_total", dimensions: about, factory: factory)
                    )
                })
        }
    }

    /// Filled with the first run: a node may have thousands of pairs of which it sees few.
    private final class Cell: Sendable {
        let runs = AtomicLazyReference<Runs>()
    }

    private let factory: any MetricsFactory
    private let cells: [QueueName: [JobType: Cell]]
    private let others: [QueueName: Cell]
    private let slotsInUse: Meter

    /// - Returns: `nil` when there is no backend.
    init?(_ factory: any MetricsFactory, _ configuration: NodeConfiguration, _ handlers: Handlers) {
        if factory is NOOPMetricsHandler { return nil }
        self.factory = factory
        let queues = configuration.queues.map(\.name)
        self.cells = Dictionary(
            uniqueKeysWithValues: queues.map { ($0, handlers.byType.mapValues { _ in Cell() }) })
        self.others = Dictionary(uniqueKeysWithValues: queues.map { ($0, Cell()) })
        self.slotsInUse = Meter(label: "stint_slots_in_use", dimensions: [], factory: factory)
    }

    private func runs(_ queue: QueueName, _ type: JobType) -> Runs? {
        let known = cells[queue]?[type]
        guard let cell = known ?? others[queue] else { return nil }
        if let runs = cell.runs.load() { return runs }
        return cell.runs.storeIfNil(Runs(queue, known == nil ? Self.otherTypes : type.rawValue, factory))
    }

    func began(_ job: ClaimedJob, _ queue: QueueName) {
        slotsInUse.increment()
        runs(queue, job.header.type)?.started.increment()
    }

    func ended(_ job: ClaimedJob, _ queue: QueueName, _ settle: Settle, took duration: Duration) {
        slotsInUse.decrement()
        guard let runs = runs(queue, job.header.type) else { return }
        runs.duration.recordNanoseconds(duration.wholeNanoseconds)
        runs.ended[settle.outcome]?.increment()
    }

    func leaseLost(_ queue: QueueName) { count("stint_leases_lost_total", queue) }
    func settlesRetried(_ settles: Int, _ queue: QueueName) { count("stint_settles_retried_total", queue, settles) }
    func settlesRefused(_ settles: Int, _ queue: QueueName) { count("stint_settles_refused_total", queue, settles) }
    func settlesAbandoned(_ settles: Int, _ queue: QueueName) { count("stint_settles_abandoned_total", queue, settles) }

    func lapsed(_ lapse: Lapse, _ queue: QueueName) {
        count("stint_leases_lapsed_total", queue, outcome: "\(lapse.outcome)")
    }

    private func count(_ label: String, _ queue: QueueName, _ count: Int = 1, outcome: String? = nil) {
        if count == 0 { return }
        let about = [("queue", queue.rawValue)] + (outcome.map { [("outcome", $0)] } ?? [])
        Counter(label: label, dimensions: about, factory: factory).increment(by: count)
    }
}

extension Settle {
    /// All values of ``outcome``.
    static let outcomes = ["done", "late", "failed", "rejected", "cancelled", "released", "lost"]

    /// How the run ended, in one word for a label.
    var outcome: String {
        switch self {
        case .ack: "done"
        case .lateAck: "late"
        case .retry: "failed"
        case .reject: "rejected"
        case .cancel: "cancelled"
        case .release: "released"
        case .nothing: "lost"
        }
    }
}
