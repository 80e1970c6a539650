import Logging
import StintCore
import StintStore
import Synchronization

/// Cancels handlers when their time has come: those of leases that could not be confirmed in time, because another node may be
/// running their jobs, and those that take longer than they may. Gives up those that do not heed it.
///
/// It asks nobody. The heartbeat may be waiting for a server that does not answer, for longer than a lease lasts.
struct DeadlineLoop {
    let node: NodeState
    let pool: SlotPool

    func run() async {
        while !Task.isCancelled {
            node.nextLook.withLock { $0 = nil }
            // Bounded, for the claims that come meanwhile: their deadlines are after the next look.
            let wait = min(runOnce() ?? .seconds(3600), node.configuration.lease / 6)
            node.nextLook.withLock { $0 = .now.advanced(by: wait) }
            await node.deadlineSignal.wait(upTo: wait)
        }
    }

    /// Does what the clock asks for.
    ///
    /// - Returns: how long until the next time; `nil` = nothing is held.
    @discardableResult
    func runOnce(now: ContinuousClock.Instant = .now) -> Duration? {
        var next: ContinuousClock.Instant?
        for lease in node.leases.all {
            guard let outlook = lease.outlook else { continue }
            let moments = [
                see(outlook.deadline, now) { if lease.cancel(.leaseLost) { node.lost(lease) } },
                see(outlook.timeLimit?.endsAt, now) { timeOut(lease, outlook.timeLimit) },
                see(outlook.cancelledAt?.advanced(by: node.configuration.cancelGrace), now) { giveUp(lease) },
            ]
            for moment in moments { if let moment { next = min(moment, next ?? moment) } }
        }
        return next.map { $0 - now }
    }

    /// - Returns: the moment, if it is still to come; otherwise it was acted on.
    private func see(
        _ moment: ContinuousClock.Instant?, _ now: ContinuousClock.Instant, _ act: () -> Void
    ) -> ContinuousClock.Instant? {
        guard let moment, moment <= now else { return moment }
        act()
        return nil
    }

    private func timeOut(_ lease: HeldLease, _ limit: HeldLease.TimeLimit?) {
        guard let limit, lease.cancel(.timedOut(after: limit.length)) else { return }
        node.logger.info(
            "run timed out, handler cancelled",
            metadata: [
                "job": "\(lease.job.id)", "queue": "\(lease.queue)", "timeout": "\(limit.length.brief)",
            ])
        // The next look reckons with its cancellation.
        node.deadlineSignal.raise()
    }

    private func giveUp(_ lease: HeldLease) {
        guard let slot = RunJob(node: node).giveUp(lease) else { return }
        pool.replace(slot)
    }
}
