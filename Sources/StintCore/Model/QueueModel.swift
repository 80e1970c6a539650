/// What a queue is, without Redis: the reference that the scripts of `Lua/` are compared with.
///
/// A value. It does no I/O and has no clock: every operation is told the time, in µs since 1970, and operations happen
/// one after the other, as scripts do in Redis. A job is in one place because it has one ``Place``.
///
/// Three things are not in it: the bytes of a claim (the scripts stop at 8 MiB of records), who of several nodes is told of
/// the next due time, and jobs whose records are missing, which is damage.
package struct QueueModel: Hashable, Sendable {
    /// All jobs but the done ones.
    package internal(set) var jobs: [JobID: Job] = [:]
    /// The ready jobs, in the order in which they will be claimed, unless that is random.
    package internal(set) var line = ReadyLine()
    package internal(set) var order = QueueOrder.priority
    /// How long a run of a type takes, in µs, as far as it was learned.
    package internal(set) var estimatesUs: [JobType: Int64] = [:]
    /// One weight of aged jobs has followed another.
    var isSecondWeight = false
    /// The scores of aged jobs when they were claimed last.
    package internal(set) var places: [JobID: Int64] = [:]
    /// Done jobs are remembered by their ids, in two generations that take turns.
    package internal(set) var done: Set<JobID> = []
    package internal(set) var doneBefore: Set<JobID> = []
    /// Since when `done` is being filled, as far as a trim has noted it.
    package internal(set) var doneSinceMs: Int64?
    /// Results of done jobs.
    package internal(set) var results: [JobID: Kept] = [:]
    package internal(set) var lastToken = Token(rawValue: 0)
    package internal(set) var isPaused = false
    /// A wake-up mark waits for an idle node.
    package internal(set) var isMarked = false
    package internal(set) var totals = Totals()
    /// The unique keys that are held for a time, also those whose time is over and that no trim has met.
    package internal(set) var timedKeys: [String: TimedKey] = [:]

    package init() {}

    /// How many there ever were.
    package struct Totals: Hashable, Sendable {
        package var enqueued = 0, acked = 0, nacked = 0, lapsed = 0, released = 0, dead = 0, cancelled = 0, redriven = 0
        package init() {}
    }

    package struct Job: Hashable, Sendable {
        package internal(set) var header: JobHeader
        package internal(set) var payload: [UInt8]
        package internal(set) var place: Place
        /// `nil` = it never failed, lapsed or was cancelled.
        package internal(set) var tries: Tries?
        /// The unique key that it was enqueued with.
        package internal(set) var key: Key?
        /// What its steps have come to, in the order of their notes.
        package internal(set) var notes: [Note] = []
        /// How its last attempts ended, the oldest first.
        package internal(set) var history: [JobAttempt] = []
        /// How far it is, as its last run has said, and what that has left for the next one.
        package internal(set) var progress: String?
        package internal(set) var checkpoint: [UInt8]?
    }

    package enum Place: Hashable, Sendable {
        case scheduled(dueMs: Int64)
        case ready
        case leased(Lease)
        case dead(sinceMs: Int64)
        case cancelled(sinceMs: Int64)

        package var state: JobState {
            switch self {
            case .scheduled: .scheduled
            case .ready: .ready
            case .leased: .leased
            case .dead: .dead
            case .cancelled: .cancelled
            }
        }
    }

    /// Past its deadline a lease is still its holder's, until a reaper takes it.
    package struct Lease: Hashable, Sendable {
        package internal(set) var token: Token
        package internal(set) var consumer: ConsumerID
        package internal(set) var deadlineUs: Int64
        /// Somebody wants the job cancelled: every way out of the lease but an ack leads there.
        package internal(set) var cancelReason: String?
    }

    /// What a consumer shows to settle a job, or to extend its lease.
    package struct Claim: Hashable, Sendable {
        package let id: JobID
        package let token: Token

        package init(id: JobID, token: Token) {
            self.id = id
            self.token = token
        }
    }

    /// Why a settle or an extension changed nothing: nobody holds the job, or another lease is on it.
    package enum Refusal: Hashable, Sendable { case gone, stale }

    package struct Refused: Hashable, Sendable {
        package let id: JobID
        package let refusal: Refusal
    }

    /// The arguments were none. Nothing was changed.
    package struct Malformed: Error, Hashable {
        package init() {}
    }
}

// MARK: Reading

extension QueueModel {
    package func state(of id: JobID) -> JobState? {
        if let job = jobs[id] { return job.place.state }
        return done.contains(id) || doneBefore.contains(id) ? .done : nil
    }

    package func lease(of id: JobID) -> Lease? {
        if case .leased(let lease) = jobs[id]?.place { lease } else { nil }
    }

    /// All that are ready, in the order in which they will be claimed.
    package var ready: [JobID] { line.ids }

    /// The jobs that are in `state`, in the order of their time there, those of one time by their ids; the ready ones in the
    /// order of their claims. Done jobs have no order.
    package func ids(_ state: JobState) -> [JobID] {
        switch state {
        case .ready: ready
        case .done: Array(done.union(doneBefore))
        case .scheduled, .leased, .dead, .cancelled: earliest { $0.state == state ? $0.timeUs : nil }
        }
    }

    package func count(_ state: JobState) -> Int {
        switch state {
        case .ready: line.count
        case .done: done.count + doneBefore.count
        case .scheduled, .leased, .dead, .cancelled: jobs.values.count { $0.place.state == state }
        }
    }

    /// Due time, or deadline, of the first job there.
    package func firstUs(_ state: JobState) -> Int64? {
        var first: Int64?
        for job in jobs.values where job.place.state == state {
            if let time = job.place.timeUs { first = min(first ?? time, time) }
        }
        return first
    }

    /// The same; of a deadline the first whole ms that is not before it.
    package func firstMs(_ state: JobState) -> Int64? { firstUs(state).map(Self.wholeMs) }

    static func wholeMs(_ us: Int64) -> Int64 { us / 1000 + (us % 1000 > 0 ? 1 : 0) }

    /// µs until the first job there has its time; 0 = it has come, `nil` = there is none.
    package func firstInUs(_ state: JobState, atUs nowUs: Int64) -> Int64? {
        firstUs(state).map { max(0, $0 - nowUs) }
    }

    /// The leases of a consumer, by the ids of their jobs: how a claim whose reply was lost is found again.
    package func claims(of consumer: ConsumerID) -> [Claim] {
        jobs.compactMap { id, job -> Claim? in
            guard case .leased(let lease) = job.place, lease.consumer == consumer else { return nil }
            return Claim(id: id, token: lease.token)
        }.sorted { $0.id < $1.id }
    }

    func earliest(_ time: (Place) -> Int64?) -> [JobID] {
        jobs.compactMap { id, job in time(job.place).map { (time: $0, id: id) } }
            .sorted { ($0.time, $0.id) < ($1.time, $1.id) }.map(\.id)
    }
}

extension QueueModel.Place {
    /// When it is due, its lease runs out, or it ended.
    package var timeUs: Int64? {
        switch self {
        case .scheduled(let dueMs): dueMs * 1000
        case .ready: nil
        case .leased(let lease): lease.deadlineUs
        case .dead(let sinceMs), .cancelled(let sinceMs): sinceMs * 1000
        }
    }

    /// The first whole ms that is not before it.
    package var timeMs: Int64? { timeUs.map(QueueModel.wholeMs) }
}

// MARK: Notes and bounds

extension QueueModel {
    /// Notes what happened to a job at its last try.
    mutating func note(_ id: JobID, failures: Int = 0, lapses: Int = 0, _ reason: String, nowMs: Int64) {
        let before = jobs[id]?.tries ?? .none
        jobs[id]?.tries = Tries(
            failures: before.failures + failures, lapses: before.lapses + lapses, lastMs: nowMs,
            reason: Self.kept(reason))
    }

    /// Notes how an attempt ended that was no ack.
    mutating func note(_ kind: JobAttempt.Kind, of id: JobID, _ error: String, nowMs: Int64) {
        guard let lease = lease(of: id) else { return }
        let attempt = JobAttempt(
            kind, atMs: nowMs, token: lease.token, consumer: lease.consumer.description, error: error)
        let before = jobs[id]?.history ?? []
        jobs[id]?.history = Array((before + [attempt]).suffix(JobAttempt.kept))
    }

    /// 1,000 bytes of a reason are kept.
    static func kept(_ reason: String) -> String { String(decoding: reason.utf8.prefix(1000), as: UTF8.self) }

    /// No call takes more jobs, no limit counts for more.
    static let maxJobs = Defaults.maxJobsPerCall
    /// No delay is longer.
    static let maxMs: Int64 = 1 << 52
    static let maxLeaseMs: Int64 = 1 << 42

    static func check(_ isRight: Bool) throws(Malformed) {
        if !isRight { throw Malformed() }
    }

    static func limit(_ limit: Int) throws(Malformed) -> Int {
        try check(limit >= 1)
        return min(limit, maxJobs)
    }
}
