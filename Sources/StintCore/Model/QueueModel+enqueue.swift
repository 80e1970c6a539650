extension QueueModel {
    package struct NewJob: Hashable, Sendable {
        package var id: JobID
        package var header: JobHeader
        package var payload: [UInt8]
        package var due: Due
        /// Minted for this call and never sent before, so that nothing is looked up. It has to be true.
        package var isFresh: Bool
        /// ``JobHeader/unique`` says until when it is held.
        package var unique: Unique?

        package init(
            id: JobID, header: JobHeader, payload: [UInt8] = [], due: Due = .now, isFresh: Bool = false,
            unique: Unique? = nil
        ) {
            self.id = id
            self.header = header
            self.payload = payload
            self.due = due
            self.isFresh = isFresh
            self.unique = unique
        }

        /// A job whose times the server works out is looked up, whatever its id.
        var isLookedUp: Bool { !isFresh || header.hasTerms }

        /// Both have keys, and all else that tells jobs of one call apart is the same.
        func isLike(_ other: NewJob) -> Bool {
            due == other.due && header.priority == other.header.priority && unique != nil && other.unique != nil
        }
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
        /// That job has the unique key; nothing about it was changed.
        case taken(by: JobID, JobState)
        /// That job of the same call has the unique key.
        case repeatedKey(of: JobID)
        /// That job, which waited in this state, is what was enqueued now.
        case replaced(JobID, JobState)
    }

    /// Accepts jobs, each once: an id that is known in any state is refused, and so is a unique key that another job holds,
    /// unless the job takes its place.
    ///
    /// Jobs that are due stand in line behind all others of their priority, in the order of the call; those with minted ids by
    /// the clock.
    ///
    /// A mark is left for jobs that are ready, and when the next due time has come nearer.
    package mutating func enqueue(_ new: [NewJob], atUs nowUs: Int64) throws(Malformed) -> [EnqueueOutcome] {
        try Self.check(new.count <= Self.maxJobs)
        let nowMs = nowUs / 1000
        for job in new { try Self.check(job.due.ms(nowMs) < 1 << 53) }
        let (outcomes, holders) = judged(new, nowMs)
        var nextDueMs = firstMs(.scheduled) ?? .max
        for (index, job) in new.enumerated() {
            if index == 0 || !job.isLike(new[index - 1]) { clear(for: new[index...], outcomes[index...]) }
            let dueMs = job.due.ms(nowMs)
            switch outcomes[index] {
            case .accepted:
                if let holder = holders[index] { jobs[holder]?.key = nil }
                accept(job, as: job.id, dueMs, nowUs)
                totals.enqueued += 1
            case .replaced(let holder, _):
                accept(job, as: holder, dueMs, nowUs)
                nextDueMs = firstMs(.scheduled) ?? .max
            case .exists, .repeated, .taken, .repeatedKey: continue
            }
            if dueMs <= max(nowMs, nextDueMs) { isMarked = true }
        }
        return outcomes
    }

    /// What becomes of each, and who has its key: all of them are judged by what was there before the call.
    private func judged(_ new: [NewJob], _ nowMs: Int64) -> (outcomes: [EnqueueOutcome], holders: [JobID?]) {
        let holders = new.map { job in job.unique.flatMap { holder(of: $0.key, nowMs: nowMs) } }
        var seen: Set<JobID> = [], taken: [String: JobID] = [:]
        var outcomes: [EnqueueOutcome] = []
        for (job, holder) in zip(new, holders) {
            let outcome: EnqueueOutcome
            if let state = job.isLookedUp ? state(of: job.id) : nil {
                outcome = .exists(state)
            } else if job.isLookedUp, !seen.insert(job.id).inserted {
                outcome = .repeated
            } else if let key = job.unique?.key, let first = taken[key] {
                outcome = .repeatedKey(of: first)
            } else {
                outcome = Self.outcome(of: job, holder)
            }
            outcomes.append(outcome)
            guard let key = job.unique?.key else { continue }
            if outcome == .accepted { taken[key] = job.id }
            if case .replaced(let id, _) = outcome { taken[key] = id }
        }
        return (outcomes, holders.map { $0?.id })
    }

    /// Jobs that are enqueued alike go into their line together: those whose places they take leave it before.
    private mutating func clear(for new: ArraySlice<NewJob>, _ outcomes: ArraySlice<EnqueueOutcome>) {
        guard let first = new.first else { return }
        for (job, outcome) in zip(new, outcomes) {
            guard job.isLike(first) else { return }
            if case .replaced(let holder, .ready) = outcome { line.remove(holder) }
        }
    }

    private static func outcome(of job: NewJob, _ holder: (id: JobID, state: JobState)?) -> EnqueueOutcome {
        guard let holder else { return .accepted }
        guard job.unique?.conflict == .replace else { return .taken(by: holder.id, holder.state) }
        switch holder.state {
        case .ready, .scheduled: return .replaced(holder.id, holder.state)
        // What runs may not know what the new one knows: it goes on, and the key is the new one's.
        case .leased: return .accepted
        case .done, .dead, .cancelled: return .taken(by: holder.id, holder.state)
        }
    }

    private mutating func accept(_ new: NewJob, as id: JobID, _ dueMs: Int64, _ nowUs: Int64) {
        // Out of its line by the priority that it has had.
        remove(id)
        var header = new.header
        header.startBy = header.startBy?.settled(atMs: nowUs / 1000)
        header.deadline = header.deadline?.settled(atMs: nowUs / 1000)
        header.retryUntil = header.retryUntil?.settled(atMs: nowUs / 1000)
        jobs[id] = Job(header: header, payload: new.payload, place: .scheduled(dueMs: 0), tries: nil, key: nil)
        if let unique = new.unique, let span = new.header.unique {
            take(Key(text: unique.key, span: span), for: id, nowMs: nowUs / 1000)
        }
        let place = dueMs <= nowUs / 1000 ? Place.ready : .scheduled(dueMs: dueMs)
        if place == .ready, !new.isLookedUp, new.unique == nil, order == .priority {
            jobs[id]?.place = .ready
            line.insert(id, scores.score(header, ReadyScore.ticks(nowUs)).0)
        } else {
            move(id, to: place, atUs: nowUs)
        }
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
