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
        /// When it was last claimed from.
        var claimedAt = ContinuousClock.now
        /// The store refuses claims from it: not before this time again.
        var retryAt: ContinuousClock.Instant?
        /// Said once, not every time.
        var isRefused = false
        /// This node took a mark for it, which has to be handed on when the claim cannot follow.
        var owesMark = false
        /// Other nodes hold jobs of it, as far as the last claim told.
        var othersHold = false
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

    /// Makes every queue worth a claim, except those whose claims are refused.
    func heatAll(_ now: ContinuousClock.Instant) {
        entries.withLock { entries in
            for index in entries.indices where entries[index].retryAt.map({ $0 <= now }) ?? true {
                entries[index].isHot = true
                entries[index].retryAt = nil
            }
        }
    }

    /// While there is work nobody listens for marks: look at the other queues now and then, or they would wait for the poll.
    func heatNeglected(_ now: ContinuousClock.Instant) {
        entries.withLock { entries in
            let isBusy = entries.contains { $0.isHot }
            // At most 200 such looks in a second, whatever the number of queues.
            let interval = max(.milliseconds(100), .milliseconds(5) * entries.count)
            for index in entries.indices {
                if let retryAt = entries[index].retryAt {
                    if retryAt <= now { (entries[index].isHot, entries[index].retryAt) = (true, nil) }
                } else if isBusy, entries[index].claimedAt.advanced(by: interval) <= now {
                    entries[index].isHot = true
                }
            }
        }
    }

    /// Until the first queue may be tried again whose claims are refused.
    func retryIn(_ now: ContinuousClock.Instant) -> Duration? {
        entries.withLock { $0.compactMap(\.retryAt).min().map { $0 - now } }
    }

    /// The queues for which this node took a mark that it cannot follow now.
    func takeOwedMarks() -> [QueueName] {
        entries.withLock { entries in
            let owing = entries.filter(\.owesMark).map(\.name)
            for index in entries.indices { entries[index].owesMark = false }
            return owing
        }
    }

    var othersHold: Bool { entries.withLock { entries in entries.contains { $0.othersHold } } }

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

    /// Notes what a claim said of the queue's times. `nil` = there is none.
    func note(_ name: QueueName, dueIn: Duration?, now: ContinuousClock.Instant) {
        update(name) { $0.dueAt = dueIn.map { now.advanced(by: $0) } }
    }

    func note(_ name: QueueName, lapseIn: Duration?, now: ContinuousClock.Instant) {
        update(name) { entry in
            entry.lapseAt = lapseIn.map { now.advanced(by: $0) }
            entry.lookedAt = now
        }
    }
}
