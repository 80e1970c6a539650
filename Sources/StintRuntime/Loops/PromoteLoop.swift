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
            let hasRoom = pool.hasRoom
            for entry in ringing {
                // Without room too: among tiny jobs there is some in a moment. If there is none, or no more when the claim could
                // be sent, another node is woken.
                node.agenda.update(entry.name) { ($0.isHot, $0.owesMark) = (true, $0.owesMark || hasRoom) }
            }
            if !ringing.isEmpty { node.claimSignal.raise() }
            for entry in ringing where entry.hasBacklog || !hasRoom { await promote(entry.name) }
            if ringing.isEmpty {
                await node.promoteSignal.wait(upTo: next.map { $0 - .now })
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
        let (promoted, dueIn) = try await node.store.promote(
            node.configuration.jobsPerStep, on: queue, for: node.consumer)
        node.note(queue, dueIn: dueIn)
        return promoted
    }
}
