package import NIOCore
package import StintCore
package import StintStore

// Each is the function of ``Store`` of the same name: the same checks before the call, the same reading of its answer.
extension MemoryStore: JobStore {
    package func enqueue(_ jobs: [NewJob], on queue: QueueName, timeout: Duration? = nil) throws(StintError)
        -> [EnqueueOutcome]
    {
        if jobs.isEmpty { return [] }
        var new: [QueueModel.NewJob] = []
        for job in jobs { new.append(try QueueModel.NewJob(job)) }
        let outcomes = try change(queue, "enqueue") { model, nowUs throws(QueueModel.Malformed) in
            try model.enqueue(new, atUs: nowUs)
        }
        return outcomes.map(EnqueueOutcome.init)
    }

    package func claim(
        _ limit: Int, from queue: QueueName, for consumer: ConsumerID, lease: Duration
    ) throws(StintError) -> Claim {
        var random = draw()
        return try change(queue, "claim") { model, nowUs throws(QueueModel.Malformed) in
            let claimed = try model.claim(
                limit, for: consumer, leaseMs: lease.wholeMs,
                draw: { ready, count in Array(ready.shuffled(using: &random).prefix(count)) }, atUs: nowUs)
            return Claim(claimed, of: model, atUs: nowUs)
        }
    }

    package func extend(
        _ jobs: [(held: Held, lease: Duration)], on queue: QueueName, by consumer: ConsumerID, timeout: Duration? = nil
    ) throws(StintError) -> Extension {
        let claims = jobs.map { (claim: $0.held.claim, leaseMs: $0.lease.wholeMs) }
        let extended = try change(queue, "extend") { model, nowUs throws(QueueModel.Malformed) in
            try model.extend(claims, by: consumer, atUs: nowUs)
        }
        return Extension(
            refused: extended.refused.map { ($0.id, Refusal($0.refusal)) },
            cancels: extended.cancels.map { ($0.id, $0.reason) })
    }

    package func once(
        _ step: String, of job: Held, noting value: ByteBuffer?, on queue: QueueName, by consumer: ConsumerID
    ) throws(StintError) -> StepNote {
        let value = value.map { Array(buffer: $0) }
        let note = try change(queue, "once") { model, _ throws(QueueModel.Malformed) in
            try model.once(step, of: job.claim, noting: value, by: consumer)
        }
        return switch note {
        case .noted(let value): .noted(ByteBuffer(bytes: value))
        case .open: .open
        case .full: .full
        case .refused(let refusal): .refused(Refusal(refusal))
        }
    }

    package func ack(_ jobs: [Held], on queue: QueueName, by consumer: ConsumerID) throws(StintError) -> Settlement {
        let claims = jobs.sorted { ($0.token, $0.id) < ($1.token, $1.id) }.map(\.claim)
        return Settlement(
            try change(queue, "ack") { model, _ throws(QueueModel.Malformed) in try model.ack(claims, by: consumer) })
    }

    package func nack(_ nacks: [Nack], on queue: QueueName, by consumer: ConsumerID) throws(StintError)
        -> [NackOutcome]
    {
        if nacks.isEmpty { return [] }
        let outcomes = try change(queue, "nack") { model, nowUs throws(QueueModel.Malformed) in
            try model.nack(nacks.map(QueueModel.Nack.init), by: consumer, atUs: nowUs)
        }
        return outcomes.map(NackOutcome.init)
    }

    package func release(
        _ jobs: [Held], on queue: QueueName, by consumer: ConsumerID, delay: Duration = .zero
    ) throws(StintError) -> Settlement {
        Settlement(
            try change(queue, "release") { model, nowUs throws(QueueModel.Malformed) in
                try model.release(jobs.map(\.claim), by: consumer, delayMs: delay.wholeMs, atUs: nowUs)
            })
    }
}

// MARK: Between the store's words and the model's

extension QueueModel.NewJob {
    /// By way of the record, as a job goes to Redis: what its header cannot say is not kept.
    fileprivate init(_ job: NewJob) throws(StintError) {
        self.init(
            id: job.id, header: try JobHeader(decoding: job.header.encoded.dropLast()),
            payload: Array(buffer: job.payload), due: QueueModel.Due(job.due), isFresh: job.isFresh, unique: job.unique)
    }
}

extension QueueModel.Due {
    init(_ due: Due) {
        self =
            switch due {
            case .now: .now
            case .after(let delay): .afterMs(max(0, delay.wholeMs))
            case .at(let ms): .atMs(ms)
            }
    }
}

extension EnqueueOutcome {
    fileprivate init(_ outcome: QueueModel.EnqueueOutcome) {
        switch outcome {
        case .accepted: self = .accepted
        case .exists(let state): self = .exists(state)
        // The first of the call is on its way there, or to be scheduled: the store does not tell.
        case .repeated: self = .exists(.ready)
        case .taken(let holder, let state): self = .taken(by: holder, state)
        case .repeatedKey(let holder): self = .taken(by: holder, .ready)
        case .replaced(let holder, let state): self = .replaced(holder, state)
        }
    }
}

extension Claim {
    fileprivate init(_ claimed: QueueModel.Claimed, of model: QueueModel, atUs nowUs: Int64) {
        self.init(serverUs: nowUs)
        isPaused = claimed.isPaused
        token = claimed.token
        leavesMore = claimed.leavesMore
        dueIn = claimed.isPaused ? nil : model.firstInUs(.scheduled, atUs: nowUs).map { .microseconds($0) }
        lapseIn = claimed.lapseInUs.map { .microseconds($0) }
        guard let token = claimed.token else { return }
        jobs = claimed.ids.compactMap { id in
            model.jobs[id].map { job in
                ClaimedJob(
                    id: id, token: token, header: job.header, payload: ByteBuffer(bytes: job.payload),
                    tries: job.tries ?? .none)
            }
        }
    }
}

extension Held {
    var claim: QueueModel.Claim { QueueModel.Claim(id: id, token: token) }
}

extension Refusal {
    init(_ refusal: QueueModel.Refusal) {
        switch refusal {
        case .gone: self = .gone
        case .stale: self = .stale
        }
    }
}

extension Settlement {
    init(_ settlement: QueueModel.Settlement) {
        self.init(
            accepted: settlement.accepted, refused: settlement.refused.map { ($0.id, Refusal($0.refusal)) })
    }
}

extension QueueModel.Nack {
    fileprivate init(_ nack: Nack) {
        let verdict: QueueModel.Verdict =
            switch nack.verdict {
            case .retry: .retry
            case .reject: .reject
            case .cancel: .cancel
            }
        self.init(
            nack.held.claim, verdict, delayMs: nack.delay.wholeMs, maxFailures: nack.maxFailures, reason: nack.reason)
    }
}

extension NackOutcome {
    fileprivate init(_ outcome: QueueModel.NackOutcome) {
        switch outcome {
        case .retried: self = .retried
        case .dead: self = .dead
        case .cancelled: self = .cancelled
        case .refused(let refusal): self = .refused(Refusal(refusal))
        }
    }
}
