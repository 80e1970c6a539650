import Logging
import StintCore
import StintStore

/// Forgets finished jobs that are too old or too many, a few at a time, in queues that this node works on, and in one of its
/// others each minute.
struct JanitorLoop {
    private static let interval = Duration.seconds(60)

    let node: NodeState
    let timer: Signal

    func run() async {
        while !Task.isCancelled {
            await node.pause(Self.interval, on: timer)
            if Task.isCancelled { return }
            for queue in node.agenda.takeTrimmable(keep: Defaults.keepDone.age, now: .now) {
                do {
                    try await runOnce(queue)
                } catch {
                    node.logger.debug("trim failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
                }
            }
        }
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
