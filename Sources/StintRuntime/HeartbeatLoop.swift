import Logging
import StintCore
import StintStore

/// Extends the leases that this node holds, and cancels the handlers of those that it holds no longer.
///
/// Runs on the event loop: handlers that block every thread of the pool do not stop it.
struct HeartbeatLoop {
    let node: NodeState

    func run() async {
        while !Task.isCancelled {
            let next = await runOnce().next
            // Looked at also when nothing is held: a claim that comes meanwhile is then younger than its first extension.
            await node.heartbeatSignal.wait(upTo: next ?? node.configuration.lease / 6)
        }
    }

    /// One round: gives up what could not be confirmed in time, then extends what is a quarter of its lease old.
    ///
    /// - Returns: how many leases were extended, how many lost, and how long until the next round is needed.
    @discardableResult
    func runOnce(now: ContinuousClock.Instant = .now) async -> (extended: Int, lost: Int, next: Duration?) {
        let leases = node.leases.all
        var lost = 0
        var due: [QueueName: [HeldLease]] = [:]
        for lease in leases where !lease.isFinished {
            if lease.deadline <= now {
                if lease.cancel(.leaseLost) { lose(lease) }
                lost += 1
            } else if lease.cause != .leaseLost, lease.sentAt.advanced(by: lease.lease / 4) <= now {
                due[lease.queue, default: []].append(lease)
            }
        }
        var extended = 0
        for (queue, leases) in due {
            for start in stride(from: 0, to: leases.count, by: Defaults.maxJobsPerCall) {
                let batch = Array(leases[start..<min(start + Defaults.maxJobsPerCall, leases.count)])
                extended += await extend(batch, on: queue)
            }
        }
        return (extended, lost, nextRound(leases, failed: due.values.reduce(0) { $0 + $1.count } > extended))
    }

    private func extend(_ leases: [HeldLease], on queue: QueueName) async -> Int {
        // Before the request is sent, as with claims. Runs one after the other by token, so that groups are long.
        let sentAt = ContinuousClock.now
        let sorted = leases.sorted { $0.job.token < $1.job.token }
        do {
            let answer = try await node.store.extend(
                sorted.map { ($0.held, $0.lease) }, on: queue, by: node.consumer, timeout: patience(leases)
            )
            let refused = Dictionary(answer.refused.map { ($0.id, $0.refusal) }) { first, _ in first }
            for lease in sorted {
                if let refusal = refused[lease.job.id] {
                    // A settle may have overtaken this round: then the lease is gone because the job is done.
                    if !lease.isFinished, lease.cancel(.leaseLost) {
                        node.logger.warning(
                            "lease refused",
                            metadata: ["job": "\(lease.job.id)", "queue": "\(queue)", "refusal": "\(refusal)"])
                        lose(lease)
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
                }
            }
            return sorted.count - refused.count
        } catch {
            node.logger.debug(
                "heartbeat failed", metadata: ["queue": "\(queue)", "leases": "\(leases.count)", "error": "\(error)"])
            return 0
        }
    }

    /// How long to wait for the answer: the first local deadline must not pass unseen meanwhile.
    private func patience(_ leases: [HeldLease]) -> Duration? {
        leases.map(\.deadline).min().map { max(.milliseconds(50), min(.seconds(10), $0 - .now)) }
    }

    private func lose(_ lease: HeldLease) {
        node.logger.warning(
            "lease lost, handler cancelled", metadata: ["job": "\(lease.job.id)", "queue": "\(lease.queue)"])
        node.observe?(.leaseLost(lease.job, lease.queue))
    }

    /// A sixth of the shortest lease: an extension is then sent at a third of it, give or take. Soon after a failure, and in
    /// time for the first local deadline.
    private func nextRound(_ leases: [HeldLease], failed: Bool) -> Duration? {
        let running = leases.filter { !$0.isFinished && $0.cause != .leaseLost }
        guard let shortest = running.map(\.lease).min(), let deadline = running.map(\.deadline).min() else {
            return nil
        }
        let regular = failed ? min(shortest / 6, .milliseconds(500)) : shortest / 6
        return max(.milliseconds(1), min(regular, deadline - .now))
    }
}
