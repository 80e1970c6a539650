import Logging
import StintCore
import StintRedis
import StintStore

/// Listens for wake-up marks while the node is idle. One mark wakes one node of the cluster.
struct WakeLoop {
    /// How long one blocking call lasts. The poll is the claim loop's; this only bounds a connection that died silently.
    private static let blockFor = Duration.seconds(60)

    let node: NodeState
    let pool: SlotPool

    func run() async {
        while !Task.isCancelled, !node.isStopping {
            guard node.agenda.isCold, pool.demandRoom() else {
                await node.idleSignal.wait()
                continue
            }
            await runOnce()
        }
    }

    /// One blocking pop.
    ///
    /// - Returns: the queue that was marked.
    @discardableResult
    func runOnce() async -> QueueName? {
        var command = RedisCommand("BLPOP")
        for entry in node.agenda.all { command.append(node.store.keys.wake(entry.name)) }
        command.append(Int(Self.blockFor.components.seconds))
        do {
            let reply = try await node.store.client.block(command, upTo: Self.blockFor)
            guard reply.count == 2, let key = reply[0].string, let queue = node.store.keys.queue(ofWake: key) else { return nil }
            await take(queue)
            return queue
        } catch {
            node.logger.debug("listening for wake-ups failed", metadata: ["error": "\(error)"])
            if !Task.isCancelled { await node.pause(.milliseconds(200), on: node.idleSignal) }
            return nil
        }
    }

    private func take(_ queue: QueueName) async {
        if pool.hasRoom, !node.isStopping {
            node.agenda.update(queue) { $0.isHot = true }
            node.claimSignal.raise()
        } else {
            // This node filled up, or began to stop, while it listened: the mark is for another one.
            var command = RedisCommand("LPUSH")
            command.append(node.store.keys.wake(queue))
            command.append("1")
            _ = try? await node.store.client.send(command)
        }
    }
}
