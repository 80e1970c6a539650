/// What a holder may do with its leases. Who does not hold a job, by token and by consumer, changes nothing about it.
extension QueueModel {
    package struct Settlement: Hashable, Sendable {
        package internal(set) var accepted = 0
        package internal(set) var refused: [Refused] = []
    }

    package enum Verdict: String, Hashable, Sendable { case retry, reject, cancel }

    package struct Nack: Hashable, Sendable {
        package let claim: Claim
        package let verdict: Verdict
        package let delayMs: Int64
        /// The failure that reaches it buries the job.
        package let maxFailures: Int
        package let reason: String

        package init(_ claim: Claim, _ verdict: Verdict, delayMs: Int64, maxFailures: Int, reason: String) {
            self.claim = claim
            self.verdict = verdict
            self.delayMs = delayMs
            self.maxFailures = maxFailures
            self.reason = reason
        }

        fileprivate var kind: JobAttempt.Kind {
            switch verdict {
            case .retry: reason.hasPrefix("timed out ") ? .timedOut : .failed
            case .reject: .rejected
            case .cancel: .cancelled
            }
        }
    }

    package enum NackOutcome: Hashable, Sendable {
        case retried, dead, cancelled
        case refused(Refusal)
    }

    package struct Extended: Hashable, Sendable {
        package internal(set) var refused: [Refused] = []
        /// Extended, but somebody wants them cancelled.
        package internal(set) var cancels: [Cancel] = []

        package struct Cancel: Hashable, Sendable {
            package let id: JobID
            package let reason: String
        }
    }

    /// As many done ids as this make a generation of their own.
    static let maxDone = 100_000

    /// Settles jobs as done: only their ids stay.
    package mutating func ack(_ claims: [Claim], by consumer: ConsumerID) throws(Malformed) -> Settlement {
        try Self.check(claims.count <= Self.maxJobs)
        var (held, settlement) = split(claims, consumer)
        let ids = Set(held)
        for id in ids { finish(id) }
        settlement.accepted = ids.count
        countAcked(ids.count)
        return settlement
    }

    /// A key that it holds for a time stays held.
    mutating func finish(_ id: JobID) {
        remove(id)
        done.insert(id)
    }

    mutating func countAcked(_ count: Int) {
        totals.acked += count
        // Their number is looked at about once in a hundred jobs.
        if totals.acked % 100 < count, done.count >= Self.maxDone { turnDone() }
    }

    /// Settles jobs as failed, one after the other.
    ///
    /// - Returns: one outcome for each, in order.
    package mutating func nack(_ nacks: [Nack], by consumer: ConsumerID, atUs nowUs: Int64) throws(Malformed)
        -> [NackOutcome]
    {
        try Self.check(nacks.count <= Self.maxJobs)
        return nacks.map { nack in
            if let refusal = refusal(of: nack.claim, consumer) { return .refused(refusal) }
            return fail(nack, nowUs)
        }
    }

    private mutating func fail(_ nack: Nack, _ nowUs: Int64) -> NackOutcome {
        let (id, nowMs) = (nack.claim.id, nowUs / 1000)
        let isWanted = lease(of: id)?.cancelReason == nil && nack.verdict != .cancel
        let counts = nack.verdict != .cancel
        note(nack.kind, of: id, nack.reason, nowMs: nowMs)
        let failures = (jobs[id]?.tries?.failures ?? 0) + (counts ? 1 : 0)
        let isLast = nack.verdict == .reject || failures >= nack.maxFailures
        let windowMs = jobs[id]?.header.retryUntilMs ?? .max
        let isTooLate = isWanted && !isLast && nowMs + max(0, min(nack.delayMs, Self.maxMs)) > windowMs
        note(id, failures: counts ? 1 : 0, (isTooLate ? "retry window over: " : "") + nack.reason, nowMs: nowMs)
        if counts { totals.nacked += 1 }
        if !isWanted {
            endCancelled(id, nowMs: nowMs)
            return .cancelled
        }
        if isLast || isTooLate {
            end(id, .dead(sinceMs: nowMs))
            return .dead
        }
        if nack.delayMs > 0 {
            let dueMs = nowMs + min(nack.delayMs, Self.maxMs)
            if dueMs <= firstMs(.scheduled) ?? .max { isMarked = true }
            move(id, to: .scheduled(dueMs: dueMs), atUs: nowUs)
        } else {
            move(id, to: .ready, atUs: nowUs)
            isMarked = true
        }
        return .retried
    }

    /// Hands jobs back as if they had never been claimed: without a delay before all others of their priority (or where the
    /// order of the queue says), in the order of the call; with one as scheduled. Of a job that stands in the call twice the last place counts.
    package mutating func release(_ claims: [Claim], by consumer: ConsumerID, delayMs: Int64, atUs nowUs: Int64)
        throws(Malformed) -> Settlement
    {
        try Self.check(claims.count <= Self.maxJobs && (0...Self.maxMs).contains(delayMs))
        let nowMs = nowUs / 1000
        var (held, settlement) = split(claims, consumer)
        for id in held.reversed() {
            guard let lease = lease(of: id) else { continue }
            if lease.cancelReason != nil {
                endCancelled(id, nowMs: nowMs)
            } else if delayMs > 0 {
                move(id, to: .scheduled(dueMs: nowMs + delayMs), atUs: nowUs)
            } else {
                move(id, to: .ready, at: .front, atUs: nowUs)
            }
            settlement.accepted += 1
        }
        totals.released += settlement.accepted
        if settlement.accepted > 0 { isMarked = true }
        return settlement
    }

    /// Moves the deadlines of leases that one still holds. The heartbeat.
    package mutating func extend(
        _ claims: [(claim: Claim, leaseMs: Int64)], by consumer: ConsumerID, atUs nowUs: Int64
    ) throws(Malformed) -> Extended {
        try Self.check(claims.count <= Self.maxJobs)
        for (_, leaseMs) in claims { try Self.check((1...Self.maxLeaseMs).contains(leaseMs)) }
        var extended = Extended()
        var deadlines = Deadlines(of: self)
        for (claim, leaseMs) in claims {
            if let refusal = refusal(of: claim, consumer) {
                extended.refused.append(Refused(id: claim.id, refusal: refusal))
            } else if var lease = lease(of: claim.id) {
                lease.deadlineUs = deadlines.draw(nowUs + leaseMs * 1000, for: lease.token, consumer)
                move(claim.id, to: .leased(lease), atUs: nowUs)
                if let reason = lease.cancelReason { extended.cancels.append(.init(id: claim.id, reason: reason)) }
            }
        }
        return extended
    }

    // MARK: Holding

    func refusal(of claim: Claim, _ consumer: ConsumerID) -> Refusal? {
        guard let lease = lease(of: claim.id) else { return .gone }
        return lease.token == claim.token && lease.consumer == consumer ? nil : .stale
    }

    private func split(_ claims: [Claim], _ consumer: ConsumerID) -> (held: [JobID], Settlement) {
        var held: [JobID] = [], settlement = Settlement()
        for claim in claims {
            if let refusal = refusal(of: claim, consumer) {
                settlement.refused.append(Refused(id: claim.id, refusal: refusal))
            } else {
                held.append(claim.id)
            }
        }
        return (held, settlement)
    }

    /// Ends a leased job as cancelled: who wanted it and why is then its reason.
    mutating func endCancelled(_ id: JobID, nowMs: Int64) {
        if let reason = lease(of: id)?.cancelReason { note(id, "cancelled: " + reason, nowMs: nowMs) }
        end(id, .cancelled(sinceMs: nowMs))
    }

    /// Ends a job as dead or cancelled. Its record stays for a redrive.
    mutating func end(_ id: JobID, _ place: Place) {
        move(id, to: place, atUs: 0)
        if place.state == .cancelled { freeTimedKey(of: id) }
        if place.state == .dead { totals.dead += 1 } else { totals.cancelled += 1 }
    }
}
