import Logging
import StintCore
import StintStore

/// Requeues the jobs of nodes that died. Every node does it; no leader, nothing to elect.
struct ReapLoop {
    /// Spreads the reapers of a cluster, who all know the same deadline.
    private static let jitter = Duration.milliseconds(100)

    let node: NodeState

    func run() async {
        var clockGuard = ClockJumpGuard()
        while !Task.isCancelled {
            var next = Duration.seconds(3600)
            for entry in node.agenda.all {
                let wait = self.wait(for: entry)
                if wait > .zero {
                    next = min(next, wait)
                } else {
                    await look(at: entry.name, &clockGuard)
                    next = .zero
                }
            }
            if next > .zero {
                await node.reapSignal.wait(upTo: next + Self.jitter * Double.random(in: 0..<1))
            }
        }
    }

    /// Until the next known deadline of the queue. A node that is too busy to hear of deadlines looks every other poll.
    private func wait(for entry: Agenda.Entry) -> Duration {
        let look = entry.lookedAt.advanced(by: node.configuration.pollInterval * 2)
        return min(entry.lapseAt ?? look, look) - .now
    }

    private func look(at queue: QueueName, _ clockGuard: inout ClockJumpGuard) async {
        do {
            if clockGuard.jumped(serverMs: try await node.store.serverMs(), at: .now) {
                // All leases look overdue at once: give the nodes that live one lease to extend theirs.
                node.logger.warning(
                    "clock_jump: the server's clock went forward, reaping waits", metadata: ["queue": "\(queue)"])
                node.note(queue, dueIn: nil, lapseIn: node.configuration.lease)
                return
            }
            try await runOnce(queue)
        } catch {
            node.logger.debug("reap failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            await node.pause(.milliseconds(300), on: node.reapSignal)
        }
    }

    /// Reaps a queue until nothing more has lapsed.
    ///
    /// - Returns: how many leases had.
    @discardableResult
    func runOnce(_ queue: QueueName) async throws(StintError) -> Int {
        var total = 0
        while true {
            let reaping = try await node.store.reap(from: queue, maxLapses: node.configuration.maxLapses)
            for lapse in reaping.lapses {
                node.logger.warning(
                    "lease lapsed",
                    metadata: [
                        "job": "\(lapse.id)", "queue": "\(queue)",
                        "holder": "\(lapse.consumer.map(String.init(describing:)) ?? "unknown")",
                        "lapses": "\(lapse.lapses)", "outcome": "\(lapse.outcome)",
                    ])
                node.observe?(.lapsed(lapse, queue))
            }
            total += reaping.lapses.count
            node.agenda.update(queue) { entry in
                entry.lapseAt = reaping.lapseIn.map { ContinuousClock.now.advanced(by: $0) }
                entry.lookedAt = .now
            }
            if reaping.lapseIn != .zero || reaping.lapses.isEmpty { return total }
        }
    }
}
