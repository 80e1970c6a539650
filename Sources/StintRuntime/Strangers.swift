import Logging
import StintCore
import StintStore
import Synchronization

/// Jobs of types that this node does not know: a newer program has enqueued them, or other nodes are for them.
///
/// What was claimed of them goes back to the front at once, uncounted. For a minute after that, and for as long as there are some, this
/// node names the types that it knows in its claims of the queue, which then leave the others where they are. A mark whose jobs
/// may be among those is handed on, so that a node which knows them wakes up; not for ever, because it may be that none does.
struct Strangers {
    /// How long a queue is claimed from by types after the last such job was seen.
    private static let keep = Duration.seconds(60)
    /// By so many nodes a mark is handed on.
    private static let maxHops = 16
    /// How long who has handed a mark on listens for no other: the next one goes to somebody else.
    private static let rest = Duration.milliseconds(20)

    let node: NodeState

    /// None, or too many to name: such a node takes what comes and hands it back for a while.
    private var canChoose: Bool { (1...TypeChoice.maxTypes).contains(node.types?.count ?? 0) }
    static let delay = Duration.seconds(5)

    /// What to claim of a queue; `nil` = everything.
    func choice(_ queue: Agenda.Entry) -> TypeChoice? {
        guard let types = node.types, canChoose, let until = queue.choosesUntil, until > .now else { return nil }
        return TypeChoice(types, fromRank: queue.nextRank)
    }

    /// Takes note of a claim's outcome.
    ///
    /// - Parameter queue: as it was before the claim.
    /// - Returns: those of its jobs that this node knows; the others are back in the store.
    func sort(_ leases: [HeldLease], _ claim: Claim, of queue: Agenda.Entry) async -> [HeldLease] {
        let unknown = leases.filter { node.handlers[$0.job.header.type] == nil }
        if unknown.isEmpty, claim.skipped == 0, queue.nextRank == 0 { return leases }
        note(claim, unknown, queue.name)
        if !unknown.isEmpty { await handBack(unknown) }
        if !claim.leavesMore { await handOn(queue.name) }
        return unknown.isEmpty ? leases : leases.filter { node.handlers[$0.job.header.type] != nil }
    }

    private func note(_ claim: Claim, _ unknown: [HeldLease], _ queue: QueueName) {
        var isNews = false
        node.agenda.update(queue) { entry in
            let now = ContinuousClock.now
            entry.nextRank = claim.nextRank
            if !unknown.isEmpty || claim.skipped > 0 { entry.choosesUntil = now.advanced(by: Self.keep) }
            // Those that were handed back are to be left, and what is behind them to be claimed.
            if !unknown.isEmpty, canChoose { entry.isHot = true }
            isNews = entry.toldOfTypesAt.map { $0.advanced(by: Self.keep) <= now } ?? true
            if isNews { entry.toldOfTypesAt = now }
        }
        guard isNews else { return }
        var about: Logger.Metadata = ["queue": "\(queue)", "jobs": "\(unknown.count + claim.skipped)"]
        if let first = unknown.first?.job { about["type"] = "\(first.header.type)" }
        node.logger.notice("jobs of types without a handler here are left to other nodes", metadata: about)
    }

    private func handBack(_ leases: [HeldLease]) async {
        node.leases.insert(leases)
        let delay = canChoose ? .zero : Self.delay
        await SettleLoop(node: node).handBack(leases) { delay }
    }

    private func handOn(_ queue: QueueName) async {
        var hops: Int?
        node.agenda.update(queue) { entry in
            guard entry.owesMark else { return }
            entry.owesMark = false
            hops = entry.markHops + 1
        }
        guard let hops, hops <= Self.maxHops else { return }
        node.listensFrom.withLock { $0 = .now.advanced(by: Self.rest) }
        await node.mark(queue, hops: hops)
    }
}
