extension QueueModel {
    package struct NewJob: Hashable, Sendable {
        package var id: JobID
        package var header: JobHeader
        package var payload: [UInt8]
        package var due: Due
        /// Minted for this call and never sent before, so that nothing is looked up. It has to be true.
        package var isFresh: Bool

        package init(id: JobID, header: JobHeader, payload: [UInt8] = [], due: Due = .now, isFresh: Bool = false) {
            self.id = id
            self.header = header
            self.payload = payload
            self.due = due
            self.isFresh = isFresh
        }

        /// A job whose times the server works out is looked up, whatever its id.
        var isLookedUp: Bool { !isFresh || header.hasTerms }
    }

    package enum Due: Hashable, Sendable {
        case now
        case afterMs(Int64)
        case atMs(Int64)
    }

    package enum EnqueueOutcome: Hashable, Sendable {
        case accepted
        /// Nothing about the job that has this id was changed.
        case exists(JobState)
        /// The id stands in the same call before.
        case repeated
    }

    /// Accepts jobs, each once: an id that is known in any state is refused.
    ///
    /// Jobs that are due stand in line behind all others of their priority, in the order of the call; those with minted ids by
    /// the clock.
    ///
    /// A mark is left for jobs that are ready, and when the next due time has come nearer.
    package mutating func enqueue(_ new: [NewJob], atUs nowUs: Int64) throws(Malformed) -> [EnqueueOutcome] {
        try Self.check(new.count <= Self.maxJobs)
        let nowMs = nowUs / 1000
        for job in new { try Self.check(job.due.ms(nowMs) < 1 << 53) }
        let states = new.map { $0.isLookedUp ? state(of: $0.id) : nil }
        let nextDueMs = firstMs(.scheduled) ?? .max
        var seen: Set<JobID> = []
        var outcomes: [EnqueueOutcome] = []
        for (job, state) in zip(new, states) {
            if let state {
                outcomes.append(.exists(state))
            } else if job.isLookedUp, !seen.insert(job.id).inserted {
                outcomes.append(.repeated)
            } else {
                outcomes.append(.accepted)
                let dueMs = job.due.ms(nowMs)
                accept(job, dueMs <= nowMs ? .ready : .scheduled(dueMs: dueMs), nowUs)
                if dueMs <= max(nowMs, nextDueMs) { isMarked = true }
            }
        }
        return outcomes
    }

    private mutating func accept(_ new: NewJob, _ place: Place, _ nowUs: Int64) {
        var header = new.header
        header.startBy = header.startBy?.settled(atMs: nowUs / 1000)
        header.deadline = header.deadline?.settled(atMs: nowUs / 1000)
        header.retryUntil = header.retryUntil?.settled(atMs: nowUs / 1000)
        jobs[new.id] = Job(header: header, payload: new.payload, place: .scheduled(dueMs: 0), tries: nil)
        if place == .ready, new.isFresh, !new.header.hasTerms, order == .priority {
            jobs[new.id]?.place = .ready
            line.insert(new.id, scores.score(header, ReadyScore.ticks(nowUs)).0)
        } else {
            move(new.id, to: place, atUs: nowUs)
        }
        totals.enqueued += 1
    }
}

extension QueueModel.Due {
    package func ms(_ nowMs: Int64) -> Int64 {
        switch self {
        case .now: nowMs
        case .afterMs(let ms): nowMs + max(0, ms)
        case .atMs(let ms): ms
        }
    }
}
