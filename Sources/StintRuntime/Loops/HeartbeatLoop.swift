import Logging
import StintCore
import StintStore
import Synchronization

/// Extends the leases that this node holds, and cancels the handlers of those that the store refuses to extend.
///
/// Runs on the event loop: handlers that block every thread of the pool do not stop it.
struct HeartbeatLoop {
    let node: NodeState

    func run() async {
        while !Task.isCancelled {
            // Looked at also when nothing is held: a claim that comes meanwhile is then younger than its first extension.
            await node.heartbeatSignal.wait(upTo: await runOnce())
        }
    }

    /// One round: extends what is a quarter of its lease old, and what this node was nudged for.
    ///
    /// - Returns: how long until the next round is needed.
    func runOnce(now: ContinuousClock.Instant = .now) async -> Duration {
        let nudged = node.nudged.withLock { nudged in
            defer { nudged = [] }
            return nudged
        }
        let leases = node.leases.all
        var due: [QueueName: [HeldLease]] = [:]
        for lease in leases
        where lease.isRunning && lease.deadline > now
            && (lease.sentAt.advanced(by: lease.lease / 4) <= now || nudged.contains(lease.queue))
        {
            due[lease.queue, default: []].append(lease)
        }
        var extended = 0
        for (queue, leases) in due {
            for start in stride(from: 0, to: leases.count, by: Defaults.maxJobsPerCall) {
                let batch = Array(leases[start..<min(start + Defaults.maxJobsPerCall, leases.count)])
                extended += await extend(batch, on: queue)
            }
        }
        return nextRound(leases, failed: due.values.reduce(0) { $0 + $1.count } > extended)
    }

    private func extend(_ leases: [HeldLease], on queue: QueueName) async -> Int {
        // Before the request is sent, as with claims. Runs one after the other by token, so that groups are long, and by id, which is cheapest.
        let sentAt = node.now
        let sorted = leases.sorted { ($0.job.token, $0.job.id) < ($1.job.token, $1.job.id) }
        do {
            let answer = try await node.jobs.extend(
                sorted.map { ($0.held, $0.lease) }, on: queue, by: node.consumer, timeout: Self.patience(leases))
            let refused = Dictionary(answer.refused.map { ($0.id, $0.refusal) }) { first, _ in first }
            for lease in sorted {
                if let refusal = refused[lease.job.id] {
                    // A settle may have overtaken this round: then the lease is gone because the job is done.
                    if !lease.isFinished, lease.cancel(.leaseLost) {
                        node.logger.warning(
                            "lease refused",
                            metadata: ["job": "\(lease.job.id)", "queue": "\(queue)", "refusal": "\(refusal)"])
                        node.lost(lease)
                    }
                } else {
                    lease.confirm(sentAt: sentAt)
                }
            }
            let wanted = Dictionary(answer.cancels.map { ($0.id, $0.reason) }) { first, _ in first }
            for lease in sorted where !wanted.isEmpty {
                if let reason = wanted[lease.job.id], lease.cancel(.requested(reason)) {
                    node.logger.info(
                        "cancelling a running job",
                        metadata: ["job": "\(lease.job.id)", "queue": "\(queue)", "reason": "\(reason)"])
                    node.deadlineSignal.raise()
                }
            }
            return sorted.count - refused.count
        } catch {
            node.logger.debug(
                "heartbeat failed", metadata: ["queue": "\(queue)", "leases": "\(leases.count)", "error": "\(error)"])
            return 0
        }
    }

    /// A connection that died without a word must not use up the lease: after this time it is made anew.
    private static func patience(_ leases: [HeldLease]) -> Duration {
        let shortest = leases.map(\.lease).min() ?? .zero
        return min(.seconds(10), max(.milliseconds(500), shortest / 4))
    }

    /// A sixth of the shortest lease: an extension is then sent at a third of it, give or take. Soon after a failure.
    private func nextRound(_ leases: [HeldLease], failed: Bool) -> Duration {
        // Never longer than the node's own lease asks for: jobs with that one may come before the next round.
        let own = node.configuration.lease
        let shortest = min(own, leases.filter(\.isRunning).map(\.lease).min() ?? own)
        return failed ? min(shortest / 6, .milliseconds(500)) : shortest / 6
    }
}
