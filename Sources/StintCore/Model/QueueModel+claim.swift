extension QueueModel {
    package struct Claimed: Hashable, Sendable {
        /// `nil` = nothing was ready.
        package internal(set) var token: Token?
        package internal(set) var isPaused = false
        /// In the order in which they are to be run.
        package internal(set) var ids: [JobID] = []
        /// Jobs that are ready, or due, stayed behind.
        package internal(set) var leavesMore = false
        /// Until the next lease runs out; `nil` = none is leased, or there is no time to wait because more jobs are ready.
        package internal(set) var lapseInUs: Int64?
    }

    /// A claim makes due jobs ready first: as many as it may take, and no fewer than this.
    static let promotedByClaim = 200

    /// Leases the first ready jobs to a consumer, all under one token that is higher than every token before.
    ///
    /// - Parameter leaseMs: a job's own lease goes before it.
    package mutating func claim(
        _ limit: Int, for consumer: ConsumerID, leaseMs: Int64, atUs nowUs: Int64
    ) throws(Malformed) -> Claimed {
        let limit = try Self.limit(limit)
        try Self.check((1...Self.maxLeaseMs).contains(leaseMs))
        var claimed = Claimed()
        claimed.isPaused = isPaused
        if isPaused {
            claimed.lapseInUs = firstInUs(.leased, atUs: nowUs)
            return claimed
        }
        makeReady(max(limit, Self.promotedByClaim), nowMs: nowUs / 1000)
        claimed.ids = Array(ready.prefix(limit))
        if !claimed.ids.isEmpty {
            lastToken = Token(rawValue: max(lastToken.rawValue + 1, nowUs))
            claimed.token = lastToken
        }
        var deadlines = Deadlines(of: self)
        for id in claimed.ids {
            let ownMs = jobs[id]?.header.lease?.wholeMs
            let deadlineUs = deadlines.draw(nowUs + (ownMs ?? leaseMs) * 1000, for: lastToken, consumer)
            move(id, to: .leased(Lease(token: lastToken, consumer: consumer, deadlineUs: deadlineUs)))
            if jobs[id]?.key?.span == .untilStarted { jobs[id]?.key = nil }
        }
        claimed.leavesMore = !lines.isEmpty || firstInUs(.scheduled, atUs: nowUs) == 0
        if claimed.leavesMore { isMarked = true } else { claimed.lapseInUs = firstInUs(.leased, atUs: nowUs) }
        return claimed
    }

    /// Makes jobs that are due ready.
    ///
    /// - Returns: how many.
    package mutating func promote(_ limit: Int, atUs nowUs: Int64) throws(Malformed) -> Int {
        let promoted = makeReady(try Self.limit(limit), nowMs: nowUs / 1000)
        if promoted > 0 { isMarked = true }
        return promoted
    }

    /// In the order of their due times they stand in line behind the others of their priority.
    @discardableResult
    private mutating func makeReady(_ limit: Int, nowMs: Int64) -> Int {
        let due = earliest { place in
            if case .scheduled(let dueMs) = place, dueMs <= nowMs { dueMs } else { nil }
        }.prefix(limit)
        for id in due { move(id, to: .ready) }
        return due.count
    }
}
