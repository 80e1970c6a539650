import Logging
import StintCore
import StintStore
import Synchronization

/// Requeues the jobs of nodes that died. Every node does it; no leader, nothing to elect.
struct ReapLoop {
    /// Spreads the reapers of a cluster, who all know the same deadline.
    private static let jitter = Duration.milliseconds(100)

    let node: NodeState

    func run() async {
        while !Task.isCancelled {
            var next = Duration.seconds(3600)
            for entry in node.agenda.all where !Task.isCancelled {
                let wait = self.wait(for: entry)
                if wait > .zero {
                    next = min(next, wait)
                } else {
                    await look(at: entry)
                    next = .zero
                }
            }
            if next > .zero {
                await node.reapSignal.wait(upTo: next + Self.jitter * Double.random(in: 0..<1))
            }
        }
    }

    /// Until the next known deadline of the queue. A node that is too busy to hear of deadlines looks after two rounds of polls.
    private func wait(for entry: Agenda.Entry) -> Duration {
        let look = entry.lookedAt.advanced(by: node.configuration.pollRound * 2)
        return max(min(entry.lapseAt ?? look, look), node.reapNotBefore.withLock { $0 }) - .now
    }

    private func look(at entry: Agenda.Entry) async {
        do {
            // The clock first: after a jump this very look would take all leases from nodes that live.
            let serverMs = try await node.store.serverMs()
            node.see(serverUs: serverMs * 1000, at: .now)
            if wait(for: entry) > .zero { return }
            try await runOnce(entry.name)
        } catch {
            await backOff(after: error, entry)
        }
    }

    private func backOff(after error: StintError, _ entry: Agenda.Entry) async {
        let about: Logger.Metadata = ["queue": "\(entry.name)", "error": "\(error)"]
        if error.isPassing {
            node.logger.debug("reap failed", metadata: about)
            await node.pause(.milliseconds(300), on: node.reapSignal)
        } else {
            node.logger.error(
                "reaping is refused: lapsed leases of this queue are left to other nodes", metadata: about)
            node.agenda.update(entry.name) { entry in
                entry.lapseAt = nil
                // Said once a minute.
                entry.lookedAt = .now.advanced(by: .seconds(60))
            }
        }
    }

    /// Reaps a queue until nothing more has lapsed.
    ///
    /// - Parameter gone: whose leases were made to run out because its connection was gone.
    /// - Returns: how many leases had.
    @discardableResult
    func runOnce(_ queue: QueueName, gone: ConsumerID? = nil) async throws(StintError) -> Int {
        var total = 0
        while true {
            let reaping = try await node.store.reap(
                from: queue, maxLapses: node.configuration.maxLapses, gone: gone)
            for lapse in reaping.lapses {
                node.logger.warning(
                    "lease lapsed",
                    metadata: [
                        "job": "\(lapse.id)", "queue": "\(queue)",
                        "holder": "\(lapse.consumer.map(String.init(describing:)) ?? "unknown")",
                        "lapses": "\(lapse.lapses)", "outcome": "\(lapse.outcome)",
                    ])
                node.metrics?.lapsed(lapse, queue)
                node.observe?(.lapsed(lapse, queue))
            }
            total += reaping.lapses.count
            node.agenda.note(queue, lapseIn: reaping.lapseIn, now: .now)
            if reaping.lapseIn != .zero || reaping.lapses.isEmpty { return total }
        }
    }
}
