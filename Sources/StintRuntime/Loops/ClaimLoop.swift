import Logging
import StintCore
import StintStore
import Synchronization

/// Claims as many jobs as there are free slots, as long as there are ready ones; then waits without asking.
struct ClaimLoop {
    /// Jobs that have waited this long for a slot of this process are handed back: another node may be idle.
    private static let longestWait = Duration.seconds(1)

    let node: NodeState
    let pool: SlotPool

    func run() async {
        while !node.isStopping {
            let retryIn = node.agenda.retryRefused(.now)
            if await runOnce() > 0 { continue }
            if node.agenda.isCold { node.idleSignal.raise() }
            // Mostly without a limit: a timer that is set and cancelled costs more, the more nodes share the event loop.
            let limit = pool.hasWaiting ? min(retryIn ?? Self.longestWait, Self.longestWait) : retryIn
            await node.claimSignal.wait(upTo: limit)
        }
    }

    /// One claim, if there is room for its jobs and a queue that may have some.
    ///
    /// - Returns: how many calls to the store it made: 0 = there is nothing to do now.
    func runOnce() async -> Int {
        await handBackStale()
        let limit = node.configuration.jobsPerStep
        let prefetch = node.pace.jobs(
            in: node.configuration.prefetchTime, concurrency: pool.concurrency, atMost: limit)
        if node.agenda.isCold { return 0 }
        let demand = pool.demand(prefetch: prefetch)
        guard demand > 0 else {
            for (queue, hops) in node.agenda.takeOwedMarks() { await node.mark(queue, hops: hops) }
            return 0
        }
        guard let queue = node.agenda.pick() else { return 0 }
        node.isClaiming.store(true, ordering: .relaxed)
        defer { node.isClaiming.store(false, ordering: .relaxed) }
        do {
            if queue.mayHoldUnknown { try await recover(queue.name) }
            try await claim(min(demand, limit), from: queue)
        } catch {
            await backOff(after: error, queue)
        }
        return 1
    }

    private func claim(_ limit: Int, from entry: Agenda.Entry) async throws(StintError) {
        let (configuration, queue, strangers) = (node.configuration, entry.name, Strangers(node: node))
        // Before the request is sent: the local deadline must be the earlier one.
        let sentAt = ContinuousClock.now
        let claim = try await node.store.claim(
            limit, from: queue, for: node.consumer, lease: configuration.lease, only: strangers.choice(entry))
        node.note(claim, of: queue, sentAt: sentAt)
        if !claim.jobs.isEmpty { node.observe?(.claimed(claim.jobs, from: queue)) }
        let claimed = claim.jobs.map { job in
            HeldLease(job, queue: queue, lease: job.header.lease ?? configuration.lease, sentAt: sentAt)
        }
        let leases = node.types == nil ? claimed : await strangers.sort(claimed, claim, of: entry)
        if !leases.isEmpty { await run(leases) }
        if let token = claim.token, !claim.malformed.isEmpty {
            try await reject(claim.malformed, token: token, queue)
        }
    }

    private func run(_ leases: [HeldLease]) async {
        let suspects = Suspects(node: node)
        let (free, next, others) = suspects.sort(leases)
        node.leases.insert(leases)
        if leases.contains(where: { $0.lease < node.configuration.lease }) {
            node.heartbeatSignal.raise()
            node.deadlineSignal.raise()
        }
        start(free)
        if !others.isEmpty { await suspects.handBack(others) }
        if let next { start([next]) }
    }

    private func start(_ leases: [HeldLease]) {
        // A claim that was under way when the node began to stop: nobody will run its jobs.
        if !pool.add(leases) {
            for lease in leases { RunJob(node: node).handBack(lease) }
        }
    }

    /// Records that cannot be read are buried with the reason, where people look. They never stop the others.
    private func reject(_ malformed: [(id: JobID, reason: String)], token: Token, _ queue: QueueName)
        async throws(StintError)
    {
        for (id, reason) in malformed {
            node.logger.error(
                "record cannot be read, job buried",
                metadata: ["job": "\(id)", "queue": "\(queue)", "reason": "\(reason)"])
        }
        let nacks = malformed.map {
            Nack(Held(id: $0.id, token: token), .reject, maxFailures: 1, reason: "malformed: " + $0.reason)
        }
        _ = try await node.store.nack(nacks, on: queue, by: node.consumer)
    }

    /// A claim whose reply was lost: what this consumer holds and does not know of is handed back.
    private func recover(_ queue: QueueName) async throws(StintError) {
        let known = Set(node.leases.all.map(\.held))
        let unknown = try await node.inspector.leases(of: node.consumer, on: queue).filter { !known.contains($0) }
        for start in stride(from: 0, to: unknown.count, by: Defaults.maxJobsPerCall) {
            let batch = Array(unknown[start..<min(start + Defaults.maxJobsPerCall, unknown.count)])
            _ = try await node.store.release(batch, on: queue, by: node.consumer)
        }
        node.agenda.update(queue) { $0.mayHoldUnknown = false }
        if !unknown.isEmpty {
            node.logger.notice(
                "released jobs of a lost claim", metadata: ["queue": "\(queue)", "jobs": "\(unknown.count)"])
            node.observe?(.recovered(unknown.count, queue))
        }
    }

    private func handBackStale() async {
        let stale = pool.takeStale(olderThan: Self.longestWait)
        if stale.isEmpty { return }
        // What is known of the pace was wrong: no claims ahead until runs have ended.
        node.pace.overrun(Self.longestWait)
        await SettleLoop(node: node).handBack(stale) { .zero }
    }

    private func backOff(after error: StintError, _ queue: Agenda.Entry) async {
        let about: Logger.Metadata = ["queue": "\(queue.name)", "error": "\(error)"]
        if error.code == .unconfirmed { node.agenda.update(queue.name) { $0.mayHoldUnknown = true } }
        if error.isPassing {
            node.logger.debug("claim failed", metadata: about)
            await node.pause(.milliseconds(100), on: node.claimSignal)
        } else {
            // Only this queue: the others may be all right.
            if !queue.isRefused {
                node.logger.error("claims are refused, trying again every two seconds", metadata: about)
            }
            node.agenda.update(queue.name) { entry in
                (entry.isHot, entry.isRefused) = (false, true)
                entry.retryAt = .now.advanced(by: .seconds(2))
            }
        }
    }
}
