import StintCore
import StintStore

/// Keeps jobs that may kill their process apart.
///
/// When a process dies all its jobs lapse, and nobody knows which of them was to blame. Claimed together again they would die
/// together again, the healthy ones with the poison, until all are buried. So of the jobs whose next lapse would bury them a
/// node runs one at a time: the poison then takes no other suspect with it, and the last lapse of a healthy one needs a
/// culprit that nobody suspects yet. Lapses before that slow nothing down: most come from nodes that died of something else.
struct Suspects {
    /// How long one that has to wait is handed back for, tenths of a second, drawn anew each time so that they spread.
    private static let delay = 5...20

    let node: NodeState

    private func isSuspect(_ lease: HeldLease) -> Bool {
        let lapses = lease.job.tries.lapses
        return lapses > 0 && lapses + 1 >= lease.job.header.maxLapses ?? node.configuration.maxLapses
    }

    /// Before the leases are entered in the node's table.
    ///
    /// - Returns: what may run at once, the suspect that may run once the others are handed back, and those others.
    func sort(_ leases: [HeldLease]) -> (free: [HeldLease], next: HeldLease?, others: [HeldLease]) {
        var suspects = leases.filter(isSuspect)
        if suspects.isEmpty { return (leases, nil, []) }
        let isTaken = node.leases.all.contains(where: isSuspect)
        let next = isTaken ? nil : suspects.removeFirst()
        return (leases.filter { !isSuspect($0) }, next, suspects)
    }

    /// Waits until the store has them: what runs next may end this process.
    func handBack(_ leases: [HeldLease]) async {
        await SettleLoop(node: node).handBack(leases) { .milliseconds(100 * Int.random(in: Self.delay)) }
    }
}
