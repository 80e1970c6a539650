package import NIOCore
package import StintCore
package import StintStore

extension MemoryStore {
    package func reap(
        _ limit: Int = Defaults.maxJobsPerCall, from queue: QueueName, maxLapses: Int = Defaults.maxLapses,
        gone: ConsumerID? = nil
    ) throws(StintError) -> Reaping {
        try change(queue, "reap") { model, nowUs throws(QueueModel.Malformed) in
            let reaped = try model.reap(limit, maxLapses: maxLapses, gone: gone, atUs: nowUs)
            return Reaping(
                serverMs: nowUs / 1000, lapseIn: reaped.lapseInUs.map { .microseconds($0) },
                lapses: reaped.lapses.map(Lapse.init))
        }
    }

    package func promote(
        _ limit: Int = Defaults.maxJobsPerCall, on queue: QueueName, for consumer: ConsumerID
    ) throws(StintError) -> (promoted: Int, dueIn: Duration?) {
        try change(queue, "promote") { model, nowUs throws(QueueModel.Malformed) in
            let promoted = try model.promote(limit, atUs: nowUs)
            return (promoted, model.firstInUs(.scheduled, atUs: nowUs).map { .microseconds($0) })
        }
    }

    package func expel(_ consumer: ConsumerID, from queue: QueueName) throws(StintError) -> Int {
        try change(queue, "expel") { model, nowUs in model.expel(consumer, atUs: nowUs) }
    }

    package func trim(
        _ limit: Int = Defaults.maxJobsPerCall, on queue: QueueName, keeping retentions: [(JobState, Retention)]
    ) throws(StintError) -> [Int] {
        try change(queue, "trim") { model, nowUs throws(QueueModel.Malformed) in
            // All of them are looked at before the first is trimmed.
            let finished: Set<JobState> = [.done, .dead, .cancelled]
            guard retentions.isEmpty || limit >= 1, retentions.allSatisfy({ finished.contains($0.0) }) else {
                throw QueueModel.Malformed()
            }
            var trimmed: [Int] = []
            for (state, retention) in retentions {
                trimmed.append(
                    try model.trim(
                        limit, state, keepMs: retention.age.wholeMs, keep: retention.count, atUs: nowUs))
            }
            return trimmed
        }
    }

    package func cancel(_ ids: [JobID], on queue: QueueName, reason: String, by: String = "") throws(StintError)
        -> Cancellation
    {
        var cancellation = Cancellation()
        if ids.isEmpty { return cancellation }
        let reason = Store.whoAndWhy(by, reason)
        let outcomes = try change(queue, "cancel") { model, nowUs throws(QueueModel.Malformed) in
            try model.cancel(ids, reason: reason, atUs: nowUs).map { CancelOutcome(rawValue: $0.rawValue) ?? .unknown }
        }
        let running = zip(ids, outcomes).filter { $0.1 == .requested }.map(\.0)
        cancellation.outcomes = outcomes
        cancellation.holders = look(queue) { model, _ in
            Set(running.compactMap { model.lease(of: $0)?.consumer })
        }
        tellOfCancels(running, on: queue, reason: reason)
        return cancellation
    }

    package func redrive(_ ids: [JobID], on queue: QueueName) throws(StintError) -> [RedriveOutcome] {
        if ids.isEmpty { return [] }
        let states = try change(queue, "redrive") { model, nowUs throws(QueueModel.Malformed) in
            try model.redrive(ids, atUs: nowUs)
        }
        return states.map { outcome in
            switch outcome {
            case .taken: .taken
            case .state(let state): state.flatMap { RedriveOutcome(rawValue: $0.rawValue) } ?? .unknown
            }
        }
    }

    package func change(_ ids: [JobID], on queue: QueueName, priority: Int? = nil, due: Due? = nil) throws(StintError)
        -> [ChangeOutcome]
    {
        if ids.isEmpty { return [] }
        let outcomes = try change(queue, "change") { model, nowUs throws(QueueModel.Malformed) in
            try model.change(ids, priority: priority, due: due.map { QueueModel.Due($0) }, atUs: nowUs)
        }
        return outcomes.map { ChangeOutcome(rawValue: $0.rawValue) ?? .unknown }
    }

    package func edit(_ payloads: [(id: JobID, payload: ByteBuffer)], on queue: QueueName) throws(StintError)
        -> [EditOutcome]
    {
        if payloads.isEmpty { return [] }
        let outcomes = try change(queue, "edit") { model, _ throws(QueueModel.Malformed) in
            try model.edit(payloads.map { ($0.id, Array(buffer: $0.payload)) })
        }
        return outcomes.map { EditOutcome(rawValue: $0.rawValue) ?? .unknown }
    }

    package func purge(_ limit: Int = Defaults.maxJobsPerCall, _ state: JobState, on queue: QueueName)
        throws(StintError) -> Int
    {
        try change(queue, "purge") { model, _ throws(QueueModel.Malformed) in try model.purge(limit, state) }
    }

    @discardableResult
    package func pause(_ isPaused: Bool, _ queue: QueueName) throws(StintError) -> Bool {
        try change(queue, "pause") { model, _ in model.pause(isPaused) }
    }
}

extension Lapse {
    fileprivate init(_ lapse: QueueModel.Lapse) {
        let outcome: Outcome =
            switch lapse.outcome {
            case .ready: .ready
            case .dead: .dead
            case .cancelled: .cancelled
            }
        self.init(
            id: lapse.id, token: lapse.token, consumer: lapse.consumer, outcome: outcome, lapses: lapse.lapses)
    }
}
