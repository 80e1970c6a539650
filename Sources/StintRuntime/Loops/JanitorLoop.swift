import Logging
import StintCore
import StintStore

/// Forgets finished jobs that are too old or too many, a few at a time, in queues that this node works on, and in one of its
/// others each minute; goes on with a change of their order when who made it has died; and tells those that are ordered by it
/// how long runs take.
struct JanitorLoop {
    let node: NodeState
    let timer: Signal

    func run() async {
        while !Task.isCancelled {
            await node.pause(node.configuration.upkeepInterval, on: timer)
            if Task.isCancelled { return }
            for queue in node.agenda.takeTrimmable(keep: Defaults.keepDone.age, now: .now) {
                do {
                    try await runOnce(queue)
                    try await order(queue)
                } catch {
                    node.logger.debug("upkeep failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
                }
            }
        }
    }

    /// Ends a change of the queue's order that nobody has ended, and tells what it goes by.
    func order(_ queue: QueueName) async throws(StintError) {
        let (order, isReordering) = try await node.store.order(of: queue)
        if isReordering {
            let looked = try await ReorderWalk(node.store).run(queue)
            node.logger.debug("brought into order", metadata: ["queue": "\(queue)", "jobs": "\(looked)"])
        }
        // Last: a full server refuses it, and nothing else of this.
        let measured = node.runTimes.take(queue, isWanted: order == .shortest)
        if !measured.isEmpty { try await node.store.learn(measured, of: queue) }
    }

    /// Trims a queue down to its bounds.
    ///
    /// - Returns: how many jobs were forgotten.
    @discardableResult
    func runOnce(_ queue: QueueName) async throws(StintError) -> Int {
        var total = 0
        while !Task.isCancelled {
            let trimmed = try await node.store.trim(
                on: queue,
                keeping: [(.done, Defaults.keepDone), (.dead, Defaults.keepDead), (.cancelled, Defaults.keepCancelled)]
            )
            let results = try await node.store.trimResults(on: queue)
            total += trimmed.reduce(0, +)
            if !trimmed.contains(Defaults.maxJobsPerCall), results < Defaults.maxJobsPerCall { break }
        }
        return total
    }
}
