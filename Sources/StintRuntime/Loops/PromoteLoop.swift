import Logging
import StintCore
import StintStore

/// Keeps the time of scheduled jobs: at the moment when one is due this node claims it, or, without room, makes it ready
/// and wakes another node. When very many are due at once it makes them ready step by step, while claims go on.
struct PromoteLoop {
    /// Between two steps, so that other calls get their turn.
    private static let pause = Duration.milliseconds(1)

    let node: NodeState
    let pool: SlotPool
    let timer: Signal

    func run() async {
        while !Task.isCancelled {
            let (ringing, next) = node.agenda.ring(.now)
            for entry in ringing {
                let hasRoom = pool.hasRoom
                if hasRoom {
                    // Should the slots be taken before the claim is sent, another node is woken.
                    node.agenda.update(entry.name) { ($0.isHot, $0.owesMark) = (true, true) }
                    node.claimSignal.raise()
                }
                if entry.hasBacklog || !hasRoom { await promote(entry.name) }
            }
            if ringing.isEmpty {
                await node.promoteSignal.wait(upTo: next.map { $0 - .now } ?? .seconds(3600))
            }
        }
    }

    private func promote(_ queue: QueueName) async {
        do {
            try await runOnce(queue)
            await timer.wait(upTo: Self.pause)
        } catch {
            node.logger.debug("promote failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            node.agenda.update(queue) { $0.dueAt = $0.dueAt ?? .now }
            await node.pause(.milliseconds(300), on: timer)
        }
    }

    /// Makes due jobs of a queue ready, at most one script call's worth.
    ///
    /// - Returns: how many.
    @discardableResult
    func runOnce(_ queue: QueueName) async throws(StintError) -> Int {
        let (promoted, dueIn) = try await node.store.promote(on: queue, for: node.consumer)
        node.note(queue, dueIn: dueIn)
        return promoted
    }
}
