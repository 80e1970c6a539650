import Logging
import StintCore
import StintRedis
import StintStore

/// Has the queues of this node checked, and mended, when the server has come back as another run of itself: what it read
/// from its disk may end in the middle of a script.
struct CheckLoop {
    /// Nodes wait a part of this, so that usually one has done it when the others ask.
    private static let spread = Duration.seconds(2)
    /// After a call that failed.
    private static let retry = Duration.seconds(1)

    let node: NodeState
    /// A connection was made.
    let signal: Signal
    let timer: Signal

    func run() async {
        let client = node.store.client
        let listener = client.onReady { signal.raise() }
        defer { client.stopListening(listener) }
        var left: [QueueName] = []
        var runID: String?
        while !Task.isCancelled {
            do {
                let current = try await client.runID()
                if current != runID { (runID, left) = (current, node.configuration.queues.map(\.name)) }
                while let runID, let queue = left.last, !Task.isCancelled {
                    try await runOnce(queue, runID)
                    left.removeLast()
                }
                await signal.wait()
            } catch {
                if await isOver(error, &left) { return }
            }
        }
    }

    /// Checks a queue, if nobody has done it in this run of the server.
    ///
    /// - Returns: what was found; `nil` = there was no reason to look.
    @discardableResult
    func runOnce(_ queue: QueueName, _ runID: String) async throws -> FsckWalk.Outcome? {
        guard let last = try await node.store.checkedRun(of: queue) else {
            try await node.store.noteChecked(queue, in: runID)
            return nil
        }
        if last == runID { return nil }
        await timer.wait(upTo: Self.spread * Double.random(in: 0..<1))
        if try await node.store.checkedRun(of: queue) == runID { return nil }
        let walk = FsckWalk(node.store) { await timer.wait(upTo: $0) }
        let outcome = try await walk.run(queue, mends: true) { finding in
            node.logger.debug(
                "mended", metadata: ["queue": "\(queue)", "problem": "\(finding.problem)", "id": "\(finding.id)"])
        }
        try await node.store.noteChecked(queue, in: runID)
        report(outcome, queue)
        return outcome
    }

    private func report(_ outcome: FsckWalk.Outcome, _ queue: QueueName) {
        var about: Logger.Metadata = ["queue": "\(queue)", "looked": "\(outcome.looked)"]
        for (problem, count) in outcome.counts { about[problem.rawValue] = "\(count)" }
        if outcome.total > 0 {
            node.logger.warning("queue mended after a restart of the server", metadata: about)
        } else {
            node.logger.info("queue checked after a restart of the server, nothing to mend", metadata: about)
        }
    }

    /// - Returns: whether there is no use in trying again.
    private func isOver(_ error: any Error, _ left: inout [QueueName]) async -> Bool {
        let disposition = (error as? RedisError)?.disposition
        let isPassing = (error as? StintError)?.isPassing ?? (disposition != .final)
        if isPassing {
            await timer.wait(upTo: Self.retry)
            return Task.isCancelled
        }
        if left.isEmpty || error is RedisError {
            node.logger.notice(
                "queues cannot be checked after restarts of the server", metadata: ["error": "\(error)"])
            return true
        }
        let queue = left.removeLast()
        node.logger.notice(
            "queue cannot be checked, stint fsck says what is wrong",
            metadata: ["queue": "\(queue)", "error": "\(error)"])
        return false
    }
}
