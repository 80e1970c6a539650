import Logging
import StintCore
import StintStore

/// The net below the wake-ups: a mark may have died with the node that had taken it. One call looks at many queues, so
/// that an idle node costs the same whether it has one or a hundred.
struct LookLoop {
    /// While some queues have jobs nobody listens for the marks of the others: how long one of them goes unseen, with few of
    /// them, and for each.
    private static let busyInterval = Duration.milliseconds(15)
    private static let busyIntervalPerQueue = Duration.microseconds(500)
    /// The same while this node has no room for what it would find.
    private static let fullInterval = Duration.milliseconds(250)

    let node: NodeState
    let timer: Signal

    func run() async {
        if !node.agenda.startsHot { await start() }
        // Spreads the polls of nodes that started together.
        var pollAt = ContinuousClock.now.advanced(by: node.configuration.pollInterval * Double.random(in: 0..<1))
        var lookedAt = ContinuousClock.now
        while !Task.isCancelled, !node.isStopping {
            let isBusy = node.agenda.isPartlyHot && !node.isQuiet
            let atOnce = min(node.agenda.count, NodeConfiguration.queuesPerPoll)
            let busy = max(Self.busyInterval, Self.busyIntervalPerQueue * atOnce)
            if isBusy, node.agenda.hasClaimed(since: lookedAt) {
                await timer.wait(upTo: min(busy, pollAt - .now))
            } else {
                // A claim ends it: there is room.
                await node.lookSignal.wait(upTo: isBusy ? min(Self.fullInterval, pollAt - .now) : pollAt - .now)
            }
            if .now >= pollAt {
                let interval = node.configuration.pollInterval
                pollAt = .now.advanced(by: interval * Double.random(in: 0.9..<1.1))
                await runOnce(unseenFor: interval / 2)
            } else if isBusy {
                let sentAt = ContinuousClock.now
                if await runOnce(unseenFor: max(busy, Self.busyIntervalPerQueue * node.agenda.count)) > 0 {
                    lookedAt = sentAt
                }
            }
        }
    }

    /// Looks at all queues once: what there is was there before this node.
    private func start() async {
        var queues = node.configuration.queues.map(\.name)[...]
        while !queues.isEmpty, !Task.isCancelled, !node.isStopping {
            if await look(at: Array(queues.prefix(NodeConfiguration.queuesPerPoll))) {
                queues = queues.dropFirst(NodeConfiguration.queuesPerPoll)
            } else {
                await node.pause(.milliseconds(200), on: timer)
            }
        }
    }

    /// Looks at the queues that were not seen for longest.
    ///
    /// - Returns: at how many.
    @discardableResult
    func runOnce(unseenFor interval: Duration) async -> Int {
        let queues = node.agenda.unseen(for: interval, limit: NodeConfiguration.queuesPerPoll, now: .now)
        if !queues.isEmpty { _ = await look(at: queues) }
        return queues.count
    }

    /// - Returns: false when the same may succeed later.
    private func look(at queues: [QueueName]) async -> Bool {
        let sentAt = ContinuousClock.now
        do {
            let (serverUs, looks) = try await node.store.look(at: queues, for: node.consumer)
            node.note(looks, of: queues, serverUs: serverUs, sentAt: sentAt)
        } catch {
            node.logger.debug("look failed", metadata: ["queues": "\(queues.count)", "error": "\(error)"])
            if error.isPassing { return false }
            // One of them may be the cause, and claims tell which.
            for queue in queues { node.agenda.update(queue) { $0.isHot = $0.retryAt == nil } }
            node.claimSignal.raise()
        }
        return true
    }
}
