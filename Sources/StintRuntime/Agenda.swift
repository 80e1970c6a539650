import StintCore
import Synchronization

/// What a node knows of its queues: which may have ready jobs, when the next job is due, when the next lease runs out.
///
/// Learned from the replies of claims and reaps, so that an idle node waits for the right moment instead of asking.
final class Agenda: Sendable {
    struct Entry {
        let name: QueueName
        let weight: Int
        /// There may be ready jobs: worth a claim.
        var isHot = true
        var dueAt: ContinuousClock.Instant?
        var lapseAt: ContinuousClock.Instant?
        /// When the store was last asked for the times above.
        var lookedAt = ContinuousClock.now
        /// A claim's reply was lost: this consumer may hold jobs that it does not know of.
        var mayHoldUnknown = false
    }

    private let entries: Mutex<[Entry]>

    init(_ queues: [NodeConfiguration.Queue]) {
        self.entries = Mutex(queues.map { Entry(name: $0.name, weight: $0.weight) })
    }

    var all: [Entry] { entries.withLock { $0 } }

    func update(_ name: QueueName, _ change: (inout Entry) -> Void) {
        entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.name == name }) else { return }
            change(&entries[index])
        }
    }

    func heatAll() {
        entries.withLock { entries in
            for index in entries.indices { entries[index].isHot = true }
        }
    }

    var isCold: Bool { entries.withLock { entries in !entries.contains { $0.isHot } } }

    /// A hot queue, drawn by weight, so that no queue starves while another has jobs.
    func pick(random: Double) -> Entry? {
        entries.withLock { entries in
            let total = entries.reduce(0) { $0 + ($1.isHot ? $1.weight : 0) }
            var left = random * Double(total)
            for entry in entries where entry.isHot {
                left -= Double(entry.weight)
                if left < 0 { return entry }
            }
            return entries.last { $0.isHot }
        }
    }

    /// Notes what a claim or a reap said. `nil` = there is none.
    func note(_ name: QueueName, dueIn: Duration?, lapseIn: Duration?, now: ContinuousClock.Instant) {
        update(name) { entry in
            entry.dueAt = dueIn.map { now.advanced(by: $0) }
            entry.lapseAt = lapseIn.map { now.advanced(by: $0) }
            entry.lookedAt = now
        }
    }
}
