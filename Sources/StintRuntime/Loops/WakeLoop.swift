import Logging
import StintCore
import StintRedis
import StintStore
import Synchronization

/// Listens for wake-up marks while the node is idle. One mark wakes one node of the cluster.
struct WakeLoop {
    /// How long one blocking call lasts. The poll is the claim loop's; this only bounds a connection that died silently.
    private static let blockFor = Duration.seconds(60)

    let node: NodeState
    let pool: SlotPool
    /// A client of its own: its blocking connection serves one call at a time, and a process may have many nodes.
    let ear: RedisClient

    func run() async {
        let command = self.command()
        while !Task.isCancelled, !node.isStopping {
            guard node.agenda.isCold, pool.seeRoom() else {
                await node.idleSignal.wait()
                continue
            }
            let rest = node.listensFrom.withLock { $0 } - .now
            if rest > .zero {
                await node.idleSignal.wait(upTo: rest)
                continue
            }
            await runOnce(command)
        }
    }

    /// One blocking pop.
    ///
    /// - Returns: the queue that was marked.
    @discardableResult
    func runOnce(_ command: RedisCommand) async -> QueueName? {
        do {
            let reply = try await ear.block(command, upTo: Self.blockFor)
            guard reply.count == 2, let key = reply[0].string, let queue = node.store.keys.queue(ofWake: key) else {
                return nil
            }
            await take(queue, hops: Int(reply[1].integer ?? 1) - 1)
            return queue
        } catch {
            await backOff(after: error)
            return nil
        }
    }

    private func command() -> RedisCommand {
        var command = RedisCommand("BLPOP")
        for queue in node.configuration.queues { command.append(node.store.keys.wake(queue.name)) }
        command.append(Int(Self.blockFor.components.seconds))
        return command
    }

    private func backOff(after error: RedisError) async {
        if Task.isCancelled {
            // What the server had just handed over is lost with the connection: mark for the others.
            for queue in node.configuration.queues { await node.mark(queue.name) }
        } else if error.disposition == .final {
            node.logger.error(
                "wake-ups are refused: jobs wait for the next poll", metadata: ["error": "\(error)"])
            await Signal(node.store.client.eventLoop).wait(upTo: .seconds(60))
        } else {
            node.logger.debug("listening for wake-ups failed", metadata: ["error": "\(error)"])
            await node.pause(.milliseconds(200), on: node.idleSignal)
        }
    }

    /// - Parameter hops: by how many nodes the mark has been handed on.
    private func take(_ queue: QueueName, hops: Int) async {
        if pool.hasRoom, !node.isStopping {
            node.agenda.update(queue) { entry in
                (entry.isHot, entry.owesMark, entry.markedAt) = (true, true, .now)
                entry.markHops = max(0, hops)
            }
            node.claimSignal.raise()
        } else {
            // This node filled up, or began to stop, while it listened: the mark is for another one.
            await node.mark(queue, hops: hops)
        }
    }
}
