import Logging
import StintCore
import StintStore

/// Keeps the time of scheduled jobs: at the moment when one is due this node claims it, or, without room, makes it ready
/// and wakes another node.
struct PromoteLoop {
    let node: NodeState
    let pool: SlotPool

    func run() async {
        while !Task.isCancelled {
            var next = Duration.seconds(3600)
            for entry in node.agenda.all {
                guard let dueAt = entry.dueAt else { continue }
                let wait = dueAt - .now
                if wait > .zero {
                    next = min(next, wait)
                } else if pool.hasRoom {
                    node.agenda.update(entry.name) { ($0.isHot, $0.dueAt) = (true, nil) }
                    node.claimSignal.raise()
                } else {
                    await promote(entry.name)
                    next = .zero
                }
            }
            if next > .zero { await node.promoteSignal.wait(upTo: next) }
        }
    }

    private func promote(_ queue: QueueName) async {
        do {
            try await runOnce(queue)
        } catch {
            node.logger.debug("promote failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            await node.pause(.milliseconds(300), on: node.promoteSignal)
        }
    }

    /// Makes due jobs of a queue ready, at most one script call's worth.
    ///
    /// - Returns: how many.
    @discardableResult
    func runOnce(_ queue: QueueName) async throws(StintError) -> Int {
        let (promoted, dueIn) = try await node.store.promote(on: queue)
        node.agenda.note(queue, dueIn: dueIn, now: .now)
        return promoted
    }
}
