import StintCore

/// Cancels the handlers of leases that could not be confirmed in time: another node may be running their jobs.
///
/// It asks nobody. The heartbeat may be waiting for a server that does not answer, for longer than a lease lasts.
struct DeadlineLoop {
    let node: NodeState

    func run() async {
        while !Task.isCancelled {
            // Bounded, for the claims that come meanwhile: their deadlines are after the next look.
            await node.deadlineSignal.wait(upTo: min(runOnce() ?? .seconds(3600), node.configuration.lease / 6))
        }
    }

    /// Gives up what is past its local deadline.
    ///
    /// - Returns: how long until the next deadline; `nil` = nothing is held.
    @discardableResult
    func runOnce(now: ContinuousClock.Instant = .now) -> Duration? {
        var next: Duration?
        for lease in node.leases.all where lease.isRunning {
            let left = lease.deadline - now
            if left > .zero {
                next = min(left, next ?? left)
            } else if lease.cancel(.leaseLost) {
                node.lost(lease)
            }
        }
        return next
    }
}
