import StintCore
import Synchronization

/// What a node knows of its queues: which may have ready jobs, when the next job is due, when the next lease runs out.
///
/// Learned from the replies of claims, looks and reaps, so that an idle node waits for the right moment instead of asking.
final class Agenda: Sendable {
    struct Entry {
        let name: QueueName
        let weight: Int
        /// There may be ready jobs: worth a claim.
        var isHot = false
        /// Hot, and not claimed from since it became so.
        var isFresh = false
        /// When this node has to see to the queue's scheduled jobs.
        var dueAt: ContinuousClock.Instant?
        /// More jobs are due than a claim makes ready on its way, and this node is who makes the others ready.
        var hasBacklog = false
        var lapseAt: ContinuousClock.Instant?
        /// When the store was last asked for the lapse above.
        var lookedAt = ContinuousClock.now
        /// When it was last asked whether there are jobs.
        var seenAt = ContinuousClock.now
        /// When a mark for it was last taken.
        var markedAt: ContinuousClock.Instant?
        /// When it was last claimed from.
        var claimedAt = ContinuousClock.now
        /// When it last brought jobs.
        var workedAt: ContinuousClock.Instant?
        /// When this node last forgot finished jobs of it.
        var trimmedAt = ContinuousClock.now
        /// The store refuses claims from it: not before this time again.
        var retryAt: ContinuousClock.Instant?
        /// Said once, not every time.
        var isRefused = false
        /// This node took a mark for it, which has to be handed on when the claim cannot follow.
        var owesMark = false
        /// By how many nodes that mark has been handed on because they do not know the jobs' types.
        var markHops = 0
        /// There are jobs of types that this node does not know: until then it asks for the others only.
        var choosesUntil: ContinuousClock.Instant?
        /// Where its next claim by types looks on.
        var nextRank = 0
        /// When it was last said that there are such jobs.
        var toldOfTypesAt: ContinuousClock.Instant?
        /// Other nodes hold jobs of it, as far as the last claim told.
        var othersHold = false
        /// A claim's reply was lost: this consumer may hold jobs that it does not know of.
        var mayHoldUnknown = false
    }

    private struct State {
        var entries: [Entry]
        /// The hot ones of `entries`: few, where queues are many.
        var hot: [Int]
        let indices: [QueueName: Int]
        var pickedFresh = false

        mutating func change(_ index: Int, _ change: (inout Entry) -> Void) {
            let wasHot = entries[index].isHot
            change(&entries[index])
            if entries[index].isHot == wasHot { return }
            if wasHot { hot.removeAll { $0 == index } } else { hot.append(index) }
            entries[index].isFresh = !wasHot
        }
    }

    private static let claimedAtStart = 10

    private let state: Mutex<State>
    let count: Int
    let startsHot: Bool
    private let isStrict: Bool

    /// - Parameter isStrict: a queue is picked only when none before it is hot.
    init(_ queues: [NodeConfiguration.Queue], isStrict: Bool = false) {
        // What there is at the start is found by a claim where queues are few, else by looks at many of them at once.
        let startsHot = queues.count <= Self.claimedAtStart
        let entries = queues.map { Entry(name: $0.name, weight: $0.weight, isHot: startsHot) }
        let indices = Dictionary(uniqueKeysWithValues: zip(queues.map(\.name), entries.indices))
        self.count = entries.count
        self.isStrict = isStrict
        self.startsHot = startsHot
        self.state = Mutex(State(entries: entries, hot: startsHot ? Array(entries.indices) : [], indices: indices))
    }

    var all: [Entry] { state.withLock { $0.entries } }

    func update(_ name: QueueName, _ change: (inout Entry) -> Void) {
        state.withLock { state in
            guard let index = state.indices[name] else { return }
            state.change(index, change)
        }
    }

    /// Whether any queue was claimed from after this.
    func hasClaimed(since instant: ContinuousClock.Instant) -> Bool {
        state.withLock { state in state.entries.contains { $0.claimedAt > instant } }
    }

    /// Makes all queues worth a claim: what their marks said meanwhile went to other nodes.
    func heatAll() {
        state.withLock { state in
            for index in state.entries.indices where state.entries[index].retryAt == nil {
                state.change(index) { $0.isHot = true }
            }
        }
    }

    /// Makes the queues worth a claim again that were set aside because their claims were refused, once it is time.
    ///
    /// - Returns: until the next one may be tried again.
    func retryRefused(_ now: ContinuousClock.Instant) -> Duration? {
        state.withLock { state in
            var next: ContinuousClock.Instant?
            for index in state.entries.indices {
                guard let retryAt = state.entries[index].retryAt else { continue }
                if retryAt <= now {
                    state.change(index) { ($0.isHot, $0.retryAt) = (true, nil) }
                } else {
                    next = min(next ?? retryAt, retryAt)
                }
            }
            return next.map { $0 - now }
        }
    }

    /// The queues that were not asked for longest, of those that are not hot anyway, and not for `interval` at least.
    func unseen(for interval: Duration, limit: Int, now: ContinuousClock.Instant) -> [QueueName] {
        state.withLock { state in
            let before = now - interval
            var unseen: [(at: ContinuousClock.Instant, index: Int)] = []
            for (index, entry) in state.entries.enumerated() where !entry.isHot && entry.retryAt == nil {
                let at = max(entry.seenAt, entry.claimedAt)
                if at <= before { unseen.append((at, index)) }
            }
            if unseen.count > limit { unseen.sort { $0.at < $1.at } }
            return unseen.prefix(limit).map { state.entries[$0.index].name }
        }
    }

    /// The queues in which finished jobs may have to be forgotten: those that this node has worked on since it did so last,
    /// again after `keep`, when what was done then is too old; and of the others the one whose turn it is.
    func takeTrimmable(keep: Duration, now: ContinuousClock.Instant) -> [QueueName] {
        state.withLock { state in
            let oldest = state.entries.indices.min { state.entries[$0].trimmedAt < state.entries[$1].trimmedAt }
            var queues: [QueueName] = []
            for (index, entry) in state.entries.enumerated() {
                let isDue = entry.workedAt.map { worked in
                    entry.trimmedAt < worked || (entry.trimmedAt < worked + keep && worked + keep <= now)
                }
                guard index == oldest || isDue == true else { continue }
                queues.append(entry.name)
                state.entries[index].trimmedAt = now
            }
            return queues
        }
    }

    /// The queues for which this node took a mark that it cannot follow now.
    func takeOwedMarks() -> [(queue: QueueName, hops: Int)] {
        state.withLock { state in
            var owing: [(queue: QueueName, hops: Int)] = []
            for index in state.hot where state.entries[index].owesMark {
                owing.append((state.entries[index].name, state.entries[index].markHops))
                state.entries[index].owesMark = false
            }
            return owing
        }
    }

    var othersHold: Bool { state.withLock { state in state.entries.contains { $0.othersHold } } }

    /// The queues whose alarm rings now, and until when the next one does. What rings is taken off the list.
    func ring(_ now: ContinuousClock.Instant) -> (queues: [Entry], next: ContinuousClock.Instant?) {
        state.withLock { state in
            var (queues, next): ([Entry], ContinuousClock.Instant?) = ([], nil)
            for index in state.entries.indices {
                guard let dueAt = state.entries[index].dueAt else { continue }
                if dueAt <= now {
                    queues.append(state.entries[index])
                    state.entries[index].dueAt = nil
                } else {
                    next = min(next ?? dueAt, dueAt)
                }
            }
            return (queues, next)
        }
    }

    var isCold: Bool { state.withLock { $0.hot.isEmpty } }
    /// Some queues have jobs, and others may.
    var isPartlyHot: Bool { state.withLock { !$0.hot.isEmpty && $0.hot.count < $0.entries.count } }

    /// A hot queue. Where the order is strict, the first one. Else every other time one that has just become so, which may be waiting behind the backlog of another; else
    /// drawn by weight, so that no queue starves while another has jobs.
    ///
    /// - Parameter random: draws a number below 1, when there is a choice.
    func pick(random: () -> Double = { .random(in: 0..<1) }) -> Entry? {
        state.withLock { state in
            guard let last = state.hot.last else { return nil }
            if state.hot.count == 1 {
                state.entries[last].isFresh = false
                return state.entries[last]
            }
            if isStrict { return state.entries[state.hot.min() ?? last] }
            let fresh = state.pickedFresh ? nil : state.hot.first { state.entries[$0].isFresh }
            state.pickedFresh = fresh != nil
            if let fresh {
                state.entries[fresh].isFresh = false
                return state.entries[fresh]
            }
            let total = state.hot.reduce(0) { $0 + state.entries[$1].weight }
            var left = random() * Double(total)
            for index in state.hot {
                left -= Double(state.entries[index].weight)
                if left < 0 { return state.entries[index] }
            }
            return state.entries[last]
        }
    }

    /// Notes when this node has to see to the queue's scheduled jobs. `nil` = it need not.
    ///
    /// - Returns: whether an alarm has to be set, or set anew.
    func note(_ name: QueueName, dueAt: ContinuousClock.Instant?, hasBacklog: Bool = false) -> Bool {
        var isNew = false
        update(name) { entry in
            entry.hasBacklog = hasBacklog
            isNew = dueAt != nil && dueAt != entry.dueAt
            entry.dueAt = dueAt
        }
        return isNew
    }

    /// Notes when the queue's next lease runs out. `nil` = none is known.
    ///
    /// - Returns: whether that is sooner than what was known.
    @discardableResult
    func note(_ name: QueueName, lapseIn: Duration?, now: ContinuousClock.Instant) -> Bool {
        var isSooner = false
        update(name) { entry in
            let lapseAt = lapseIn.map { now.advanced(by: $0) }
            if let lapseAt { isSooner = entry.lapseAt.map { lapseAt < $0 } ?? true }
            entry.lapseAt = lapseAt
            entry.lookedAt = now
        }
        return isSooner
    }
}
