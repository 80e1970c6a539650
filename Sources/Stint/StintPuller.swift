import NIOCore
public import StintCore
public import StintStore
import Synchronization

/// A consumer without a node, for programs that have a loop of their own: it claims jobs, and its user extends and settles them.
///
///     let puller = try client.puller(for: "mail")
///     for job in try await puller.claim(10) {
///         guard job.isHeld else { continue }
///         do {
///             try await send(job.payload)
///             try await puller.ack([job])
///         } catch {
///             try await puller.nack([job], reason: "\(error)")
///         }
///     }
///
/// Nobody extends the leases of its jobs but its user. A job whose ``LeasedJob/deadline`` has passed may be running elsewhere: stop, and
/// say nothing. The deadline is counted from before the claim was sent, less a margin of a tenth of the lease (at least 50 ms, at most
/// 2 s), so it passes before any other can be given the job. For work that may take longer, ``extend(_:)`` about every third of the lease.
///
/// What nodes do for a queue besides, it does at its claims: it takes back lapsed jobs, and forgets old ones once a minute.
public final class StintPuller: Sendable {
    /// Who holds the leases.
    public let consumer: ConsumerID
    public let queue: QueueName
    /// How long a job is held without an extension, unless it has a lease of its own.
    public let lease: Duration
    /// For failed jobs that have no retry policy, or no limit, of their own.
    public let retry: RetryPolicy

    private struct State {
        /// Jobs that this puller was given and has not settled, with their deadlines.
        var held: [Held: ContinuousClock.Instant] = [:]
        /// A claim got no reply: there may be leases that nobody knows of.
        var isUnsure = false
        var clock = ClockJumpGuard()
        var reapsFrom = ContinuousClock.now
        var trimsFrom = ContinuousClock.now
    }

    let client: StintClient
    private let state = Mutex(State())

    init(_ client: StintClient, queue: QueueName, consumer: ConsumerID, lease: Duration, retry: RetryPolicy) {
        (self.client, self.queue, self.consumer, self.lease, self.retry) = (client, queue, consumer, lease, retry)
    }

    // MARK: Claim

    /// Leases the next jobs, in the order in which they are to be run: at most `limit`, and at most 1,000 or 8 MiB of them.
    ///
    /// A call that failed `unconfirmed` may have leased jobs all the same: the next claim finds and releases them.
    ///
    /// - Parameter time: asks again and again for so long, about twice a second, while there is none. Ends with the task's cancellation.
    /// - Returns: nothing when none is ready, or the queue is paused.
    /// - Throws: ``StintError``; `unsupportedServer` when another version of Stint wrote the queue.
    public func claim(_ limit: Int = 1, waitingUpTo time: Duration = .zero) async throws(StintError) -> [LeasedJob] {
        guard limit >= 1 else {
            throw .invalidArgument("claim \(queue)", "a limit of \(limit) is out of range", advice: "It is 1 or more.")
        }
        try await client.open(queue)
        let end = ContinuousClock.now.advanced(by: time)
        while true {
            try await recover()
            try await trim()
            var (jobs, dueIn, lapseIn) = try await claimOnce(limit)
            if jobs.isEmpty, lapseIn == .zero, try await reap() { (jobs, dueIn, lapseIn) = try await claimOnce(limit) }
            let rest = ContinuousClock.now.duration(to: end)
            if !jobs.isEmpty || rest <= .zero || Task.isCancelled { return jobs }
            let pauses = [rest, .milliseconds(500), dueIn ?? rest, lapseIn ?? rest].filter { $0 > .zero }
            try? await Task.sleep(for: max(.milliseconds(1), pauses.min() ?? .zero))
        }
    }

    private func claimOnce(_ limit: Int) async throws(StintError) -> ([LeasedJob], dueIn: Duration?, lapseIn: Duration?)
    {
        let sentAt = ContinuousClock.now
        let claim: Claim
        do {
            claim = try await client.jobs.claim(
                min(limit, Defaults.maxJobsPerCall), from: queue, for: consumer, lease: lease)
        } catch {
            if error.code == .unconfirmed { state.withLock { $0.isUnsure = true } }
            throw error
        }
        let claimed = try await decoded(claim.jobs)
        let jobs = claimed.map { LeasedJob($0, queue: queue, consumer: consumer, lease: lease, sentAt: sentAt) }
        state.withLock { state in
            // Who lets a deadline pass says nothing of the job: it is somebody else's by then.
            state.held = state.held.filter { $0.value > sentAt.advanced(by: .seconds(-60)) }
            for job in jobs { state.held[job.held] = job.deadline }
            if state.clock.jumped(serverMs: claim.serverUs / 1000, at: sentAt) {
                state.reapsFrom = sentAt.advanced(by: lease)
            }
        }
        // As a node does: what cannot be read is buried, with the reason.
        if let token = claim.token, !claim.malformed.isEmpty {
            let nacks = claim.malformed.map {
                Nack(Held(id: $0.id, token: token), .reject, maxFailures: 1, reason: $0.reason)
            }
            _ = try await client.jobs.nack(nacks, on: queue, by: consumer)
        }
        return (jobs, claim.dueIn, claim.lapseIn)
    }

    /// Releases what a claim without a reply has leased.
    private func recover() async throws(StintError) {
        guard state.withLock({ $0.isUnsure }) else { return }
        let known = state.withLock { Set($0.held.keys) }
        let lost = try await client.leases(of: consumer, on: queue).filter { !known.contains($0) }
        for chunk in lost.inCalls { _ = try await client.jobs.release(chunk, on: queue, by: consumer, delay: .zero) }
        state.withLock { $0.isUnsure = false }
    }

    /// - Returns: whether anything was taken back.
    private func reap() async throws(StintError) -> Bool {
        guard state.withLock({ $0.reapsFrom <= .now }) else { return false }
        return try await !client.jobs.reap(
            Defaults.maxJobsPerCall, from: queue, maxLapses: Defaults.maxLapses, gone: nil
        ).lapses.isEmpty
    }

    private func trim() async throws(StintError) {
        let isTime = state.withLock { state in
            guard state.trimsFrom <= .now else { return false }
            state.trimsFrom = .now.advanced(by: .seconds(60))
            return true
        }
        guard isTime else { return }
        let kept = [
            (JobState.done, Defaults.keepDone), (.dead, Defaults.keepDead), (.cancelled, Defaults.keepCancelled),
        ]
        _ = try await client.jobs.trim(Defaults.maxJobsPerCall, on: queue, keeping: kept)
    }

    // MARK: Keep and settle

    /// Moves the deadlines of jobs to a lease from now.
    ///
    /// - Returns: one answer for each, in order. Stop the work of those that are refused, and settle nothing.
    public func extend(_ jobs: [LeasedJob]) async throws(StintError) -> [ExtendAnswer] {
        var answers: [ExtendAnswer] = []
        for chunk in jobs.inCalls {
            let sentAt = ContinuousClock.now
            let reply = try await client.jobs.extend(
                chunk.map { ($0.held, $0.lease) }, on: queue, by: consumer, timeout: nil)
            let refused = Dictionary(reply.refused.map { ($0.id, $0.refusal) }) { first, _ in first }
            let cancels = Dictionary(reply.cancels.map { ($0.id, $0.reason) }) { first, _ in first }
            forget(chunk.filter { refused[$0.id] != nil })
            answers += chunk.map { job in
                if let refusal = refused[job.id] { return .refused(refusal) }
                let extended = job.extended(sentAt: sentAt)
                state.withLock { $0.held[job.held] = extended.deadline }
                return .extended(extended, cancelReason: cancels[job.id])
            }
        }
        return answers
    }

    /// Done. A job past its deadline is accepted, too, as long as no other was given it.
    ///
    /// - Returns: those that were refused, and why; nothing = all are done.
    @discardableResult
    public func ack(_ jobs: [LeasedJob]) async throws(StintError) -> [JobID: Refusal] {
        var refused: [JobID: Refusal] = [:]
        for chunk in jobs.inCalls {
            let settlement = try await client.jobs.ack(chunk.map(\.held), on: queue, by: consumer)
            for (id, refusal) in settlement.refused { refused[id] = refusal }
            forget(chunk)
        }
        return refused
    }

    /// Failed: tried again, or dead when its failures are spent.
    ///
    /// - Parameter delay: until the next try; `nil` = what the job's own policy says, or else ``retry``.
    /// - Returns: one outcome for each, in order.
    @discardableResult
    public func nack(_ jobs: [LeasedJob], reason: String, delay: Duration? = nil) async throws(StintError)
        -> [NackOutcome]
    {
        try await nack(jobs) { job in
            let policy = job.header.retry?.policy() ?? self.retry
            let wait = delay ?? policy.delay(afterFailures: job.failures + 1, random: .random(in: 0..<1))
            let maxFailures = job.header.maxFailures ?? self.retry.maxFailures
            return Nack(job.held, .retry, delay: max(.zero, wait), maxFailures: maxFailures, reason: reason)
        }
    }

    /// Failed for good: dead at once.
    @discardableResult
    public func reject(_ jobs: [LeasedJob], reason: String) async throws(StintError) -> [NackOutcome] {
        try await nack(jobs) { Nack($0.held, .reject, maxFailures: 1, reason: reason) }
    }

    /// Stopped, because an extension said that somebody wants it cancelled.
    @discardableResult
    public func cancel(_ jobs: [LeasedJob], reason: String) async throws(StintError) -> [NackOutcome] {
        try await nack(jobs) { Nack($0.held, .cancel, maxFailures: 1, reason: "cancelled: " + reason) }
    }

    /// Hands jobs back as if they had never been claimed.
    ///
    /// - Parameter delay: zero = before all others of their priority.
    /// - Returns: those that were refused, and why.
    @discardableResult
    public func release(_ jobs: [LeasedJob], delay: Duration = .zero) async throws(StintError) -> [JobID: Refusal] {
        var refused: [JobID: Refusal] = [:]
        for chunk in jobs.inCalls {
            let settlement = try await client.jobs.release(
                chunk.map(\.held), on: queue, by: consumer, delay: max(.zero, delay))
            for (id, refusal) in settlement.refused { refused[id] = refusal }
            forget(chunk)
        }
        return refused
    }

    private func nack(_ jobs: [LeasedJob], _ nack: (LeasedJob) -> Nack) async throws(StintError) -> [NackOutcome] {
        var outcomes: [NackOutcome] = []
        for chunk in jobs.inCalls {
            outcomes += try await client.jobs.nack(chunk.map(nack), on: queue, by: consumer)
            forget(chunk)
        }
        return outcomes
    }

    private func forget(_ jobs: [LeasedJob]) {
        state.withLock { state in
            for job in jobs { state.held[job.held] = nil }
        }
    }
}

extension Array {
    /// As many as one call takes.
    fileprivate var inCalls: [[Element]] {
        stride(from: 0, to: count, by: Defaults.maxJobsPerCall).map {
            Array(self[$0..<Swift.min($0 + Defaults.maxJobsPerCall, count)])
        }
    }
}

extension StintClient {
    /// A consumer without a node, for who has a loop of their own.
    ///
    /// - Parameters:
    ///   - lease: how long a job is held without an extension, 100 ms to 7 days.
    ///   - retry: for failed jobs that have no policy, or no limit, of their own.
    ///   - name: the first part of its consumer ID, whose nonce is drawn anew for every puller. Default the host's name.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public func puller(
        for queue: QueueName, lease: Duration = Defaults.lease, retry: RetryPolicy = .standard, name: String? = nil
    ) throws(StintError) -> StintPuller {
        guard lease >= .milliseconds(100), lease <= .seconds(7 * 86_400) else {
            throw .invalidArgument("puller", "lease \(lease) is out of range", advice: "It is 100 ms to 7 days.")
        }
        return StintPuller(
            self, queue: queue, consumer: try ConsumerID(name: name ?? StintNode.hostName), lease: lease, retry: retry)
    }
}
