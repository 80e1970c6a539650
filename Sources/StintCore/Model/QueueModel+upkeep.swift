extension QueueModel {
    package struct Reaped: Hashable, Sendable {
        /// Until the next lease runs out; 0 = more have run out, `nil` = none is leased.
        package internal(set) var lapseInUs: Int64?
        package internal(set) var lapses: [Lapse] = []
    }

    package struct Lapse: Hashable, Sendable {
        package enum Outcome: Hashable, Sendable { case ready, dead, cancelled }

        package let id: JobID
        package let token: Token
        package let consumer: ConsumerID
        package let outcome: Outcome
        package let lapses: Int
    }

    /// Takes back leases that have run out, the earliest first: their jobs stand before all others of their priority, in
    /// the order of their deadlines, unless that was their last lapse.
    ///
    /// - Parameters:
    ///   - maxLapses: the lapse that reaches it buries the job as poison; a job's own limit goes before it.
    ///   - gone: a consumer whose connection was gone; the reasons of its lapses say so.
    package mutating func reap(
        _ limit: Int, maxLapses: Int, gone: ConsumerID? = nil, atUs nowUs: Int64
    ) throws(Malformed) -> Reaped {
        let limit = try Self.limit(limit)
        let overdue = earliest { place in
            if case .leased(let lease) = place, lease.deadlineUs <= nowUs { lease.deadlineUs } else { nil }
        }.prefix(limit)
        var reaped = Reaped()
        // Each goes before the one that was put back before it.
        for id in overdue.reversed() {
            if let lapse = lapse(id, maxLapses: maxLapses, gone: gone, nowUs) { reaped.lapses.append(lapse) }
        }
        totals.lapsed += reaped.lapses.count
        if reaped.lapses.contains(where: { $0.outcome == .ready }) { isMarked = true }
        reaped.lapseInUs = firstInUs(.leased, atUs: nowUs)
        return reaped
    }

    private mutating func lapse(_ id: JobID, maxLapses: Int, gone: ConsumerID?, _ nowUs: Int64) -> Lapse? {
        let nowMs = nowUs / 1000
        guard let job = jobs[id], let lease = lease(of: id) else { return nil }
        let lapses = (job.tries?.lapses ?? 0) + 1
        let holder = lease.consumer.description + (lease.consumer == gone ? ", whose connection was gone" : "")
        note(.lapsed, of: id, lease.consumer == gone ? "its connection was gone" : "", nowMs: nowMs)
        let outcome: Lapse.Outcome
        if lease.cancelReason != nil {
            endCancelled(id, nowMs: nowMs)
            outcome = .cancelled
        } else if lapses >= job.header.maxLapses ?? maxLapses {
            note(id, lapses: 1, "poison: its lease ran out \(lapses) times, last held by \(holder)", nowMs: nowMs)
            end(id, .dead(sinceMs: nowMs))
            outcome = .dead
        } else {
            note(id, lapses: 1, "lapsed: held by \(holder)", nowMs: nowMs)
            move(id, to: .ready, at: .front, atUs: nowUs)
            outcome = .ready
        }
        return Lapse(id: id, token: lease.token, consumer: lease.consumer, outcome: outcome, lapses: lapses)
    }

    /// Makes the leases of a consumer that is gone run out now, one just before the other, in their order. What becomes of
    /// their jobs is the next reap's.
    ///
    /// - Returns: how many there were that had not run out by themselves.
    package mutating func expel(_ consumer: ConsumerID, atUs nowUs: Int64) -> Int {
        var deadlines = Deadlines(of: self)
        let latestFirst = earliest { place in
            guard case .leased(let lease) = place, lease.consumer == consumer, lease.deadlineUs > nowUs else {
                return nil
            }
            return lease.deadlineUs
        }.reversed()
        var (beforeUs, drawnUs): (Int64?, Int64) = (nil, nowUs)
        for id in latestFirst {
            guard var lease = lease(of: id) else { continue }
            if lease.deadlineUs != beforeUs {
                (beforeUs, drawnUs) = (lease.deadlineUs, deadlines.draw(nowUs, for: lease.token, consumer))
            }
            lease.deadlineUs = drawnUs
            move(id, to: .leased(lease), atUs: nowUs)
        }
        return latestFirst.count
    }

    /// Forgets dead or cancelled jobs that ended longer ago than `keepMs`, or that are more than `keep`, at most `limit`, the
    /// oldest first. Of done jobs a generation at a time, when the present one is as old or as large as that.
    ///
    /// - Returns: how many were forgotten.
    package mutating func trim(_ limit: Int, _ state: JobState, keepMs: Int64, keep: Int, atUs nowUs: Int64)
        throws(Malformed) -> Int
    {
        let limit = try Self.limit(limit)
        try Self.check(state == .done || state == .dead || state == .cancelled)
        let nowMs = nowUs / 1000
        defer { forgetOldKeys(limit, nowMs: nowMs) }
        if state == .done {
            let isOld = doneSinceMs.map { nowMs - $0 >= keepMs } ?? false
            if isOld || done.count >= keep { return turnDone() }
            doneSinceMs = doneSinceMs ?? nowMs
            return 0
        }
        let ids = ids(state)
        let old = ids.count { jobs[$0]?.place.timeMs ?? nowMs < nowMs - keepMs }
        let trimmed = ids.prefix(min(limit, max(0, old, ids.count - keep)))
        for id in trimmed { forget(id) }
        return trimmed.count
    }

    /// The older generation is forgotten, and the present one becomes the older one.
    ///
    /// - Returns: how many were forgotten.
    @discardableResult
    mutating func turnDone() -> Int {
        let forgotten = doneBefore.count
        (done, doneBefore, doneSinceMs) = ([], done, nil)
        return forgotten
    }

    /// Deletes jobs of one state for good, in its order. Leased jobs belong to their holders.
    ///
    /// - Parameter doneIDs: which done ids are to go. Their order is nobody's business, so whoever compares says which;
    ///   `nil` = the first by their ids.
    /// - Returns: how many were deleted.
    package mutating func purge(_ limit: Int, _ state: JobState, doneIDs: Set<JobID>? = nil) throws(Malformed) -> Int {
        let limit = try Self.limit(limit)
        try Self.check(state != .leased)
        if state == .done {
            let generation = doneBefore.isEmpty ? done : doneBefore
            let gone = doneIDs ?? Set(generation.sorted().prefix(limit))
            guard gone.count == min(limit, generation.count), gone.isSubset(of: generation) else { throw Malformed() }
            if doneBefore.isEmpty { done.subtract(gone) } else { doneBefore.subtract(gone) }
            return gone.count
        }
        let ids = ids(state).prefix(limit)
        for id in ids { forget(id) }
        return ids.count
    }
}
