public import StintCore
import StintStore

extension StintClient {
    /// Why a job is not running now.
    ///
    /// It takes a second when the job has others before it: the rate at which they are claimed is measured.
    public func explain(_ id: JobID, on queue: QueueName) async throws(StintError) -> Explanation {
        try await explain(id, on: queue, measuring: .seconds(1))
    }

    package func explain(_ id: JobID, on queue: QueueName, measuring time: Duration) async throws(StintError)
        -> Explanation
    {
        let inspector = Inspector(try redis(for: "explain \(id)").store)
        // A job that moves on while it is asked about is asked about again.
        for _ in 0..<3 {
            guard let job = try await inspector.job(id, on: queue) else { return .unknown }
            if let explanation = Explanation(ofWaiting: job) { return explanation }
            if let explanation = try await explainReady(job, inspector, measuring: time) { return explanation }
        }
        return .next
    }

    /// - Returns: `nil` when the job is not ready any more.
    private func explainReady(
        _ job: JobDetail, _ inspector: Inspector, measuring time: Duration
    ) async throws(StintError) -> Explanation? {
        let queue = job.queue
        let before = try await stats(of: queue)
        if let ms = job.header?.startBy?.ms, job.header?.isExpired(atMs: job.serverMs) == true {
            return .expired(startByMs: ms)
        }
        if before.isPaused { return .paused }
        let nodes = try await self.nodes(NodeFilter(queue: queue)), live = nodes.filter { !$0.isLost }
        let claiming = live.filter { $0.state == .working }
        if claiming.isEmpty { return .noNode(silent: nodes.count - live.count, quiet: live.count) }
        if let type = job.header?.type, claiming.allSatisfy({ $0.types.map { !$0.contains(type.rawValue) } ?? false }) {
            return .unknownType(type, nodes: claiming.count)
        }
        guard let ahead = try await inspector.ahead(of: job.id, on: queue) else {
            // Due, and not made ready yet: the next claim does that.
            return job.state == .scheduled ? .next : nil
        }
        let slots = claiming.reduce(0) { $0 + $1.concurrency }
        let isFull = claiming.allSatisfy { $0.concurrency > 0 && $0.running >= $0.concurrency }
        let isDrawn = try await inspector.store.settings(of: queue)["order"] == "random"
        if isDrawn ? before.ready <= 1 : ahead == 0 {
            return isFull ? .noSlot(nodes: claiming.count, slots: slots, ahead: 0) : .next
        }
        let perSecond = try await claimsPerSecond(queue, since: before, measuring: time)
        if isDrawn {
            return perSecond == 0 && isFull
                ? .noSlot(nodes: claiming.count, slots: slots, ahead: 0)
                : .drawn(others: try await stats(of: queue).ready - 1, perSecond: perSecond)
        }
        guard let stillAhead = try await inspector.ahead(of: job.id, on: queue) else { return nil }
        return perSecond == 0 && isFull
            ? .noSlot(nodes: claiming.count, slots: slots, ahead: stillAhead)
            : .behind(ahead: stillAhead, perSecond: perSecond)
    }

    /// What was claimed is leased now, or was settled meanwhile.
    private func claimsPerSecond(
        _ queue: QueueName, since before: QueueStats, measuring time: Duration
    ) async throws(StintError) -> Double {
        let began = ContinuousClock.now
        try? await Task.sleep(for: time)
        let after = try await stats(of: queue)
        let seconds = max(0.001, (ContinuousClock.now - began).inSeconds)
        return Double(max(0, after.leftLeases - before.leftLeases)) / seconds
    }
}

extension QueueStats {
    fileprivate var leftLeases: Int { leased + ackedTotal + nackedTotal + lapsedTotal + releasedTotal }
}

extension Explanation {
    /// What a job's own state says; `nil` = it may run.
    init?(ofWaiting job: JobDetail) {
        let when = job.whenMs ?? job.serverMs
        // A token is the time of its claim in µs, unless the server's clock went back.
        let since = (job.token?.rawValue ?? 0) / 1000
        switch job.state {
        case nil: self = .unknown
        case .done: self = .done
        case .dead:
            self = .dead(
                sinceMs: when, reason: job.tries.reason, failures: job.tries.failures, lapses: job.tries.lapses)
        case .cancelled:
            let reason = job.tries.reason, prefix = "cancelled: "
            self = .cancelled(
                sinceMs: when, reason: reason.hasPrefix(prefix) ? String(reason.dropFirst(prefix.count)) : reason)
        case .scheduled where when > job.serverMs:
            let wait = Duration.milliseconds(when - job.serverMs)
            self =
                job.tries.failures == 0
                ? .notDue(dueMs: when, in: wait)
                : .waitsForRetry(
                    dueMs: when, in: wait, failures: job.tries.failures, maxFailures: job.header?.maxFailures,
                    lastError: job.tries.reason)
        case .leased where when >= job.serverMs:
            self = .running(
                consumer: job.consumer, sinceMs: since, deadlineMs: when, cancelReason: job.cancelReason)
        case .leased:
            self = .heartbeatLate(
                consumer: job.consumer, sinceMs: since, overdue: .milliseconds(job.serverMs - when))
        case .scheduled, .ready: return nil
        }
    }
}
