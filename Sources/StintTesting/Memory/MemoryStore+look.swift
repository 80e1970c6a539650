import NIOCore
package import StintCore
package import StintStore

// Each is the function of ``Inspector`` of the same name.
extension MemoryStore: JobReader {
    package func stats(of queue: QueueName) throws(StintError) -> QueueStats {
        look(queue) { model, nowUs in
            let totals = model.totals
            var values: [String: Int] = [
                "enqueued_total": totals.enqueued, "acked_total": totals.acked, "nacked_total": totals.nacked,
                "lapsed_total": totals.lapsed, "released_total": totals.released, "dead_total": totals.dead,
                "cancelled_total": totals.cancelled, "redriven_total": totals.redriven,
                "paused": model.isPaused ? 1 : 0,
            ]
            for state in JobState.allCases { values[state.rawValue] = model.count(state) }
            let oldestUs = model.oldestReadyUs
            values["oldest_ready_ms"] = oldestUs.map { Int(max(0, nowUs / 1000 - $0 / 1000)) } ?? -1
            values["due_in_ms"] = Self.ms(model.firstInUs(.scheduled, atUs: nowUs))
            values["lapse_in_ms"] = Self.ms(model.firstInUs(.leased, atUs: nowUs))
            return QueueStats(name: queue, order: model.order, values.mapValues { Int64($0) })
        }
    }

    private static func ms(_ us: Int64?) -> Int { us.map { Int(($0 + 999) / 1000) } ?? -1 }

    package func queues() throws(StintError) -> [QueueName] { names.sorted() }

    package func jobs(_ ids: [JobID], on queue: QueueName) throws(StintError) -> [JobDetail] {
        if ids.count > Defaults.maxJobsPerCall { throw Self.refusal("show", queue) }
        return look(queue) { model, nowUs in ids.map { model.detail($0, queue, nowMs: nowUs / 1000) } }
    }

    package func ids(_ state: JobState, on queue: QueueName, offset: Int = 0, limit: Int) throws(StintError)
        -> [JobID]
    {
        look(queue) { model, _ in Array(model.ids(state).dropFirst(offset).prefix(max(1, limit))) }
    }

    package func leases(of consumer: ConsumerID, on queue: QueueName) throws(StintError) -> [Held] {
        look(queue) { model, _ in model.claims(of: consumer).map { Held(id: $0.id, token: $0.token) } }
    }

    /// When the next lease runs out; `nil` = none is held.
    func nextLapseUs(of queue: QueueName) -> Int64? { look(queue) { model, _ in model.firstUs(.leased) } }

    /// When there may be something to trim; `nil` = nothing has ended.
    func nextTrimUs(of queue: QueueName) -> Int64? {
        look(queue) { model, nowUs in
            if model.count(.done) > 0 { return nowUs }
            let results = model.results.values.map { $0.untilMs * 1000 }
            let ends = [(JobState.dead, Defaults.keepDead), (.cancelled, Defaults.keepCancelled)].compactMap {
                state, kept in
                model.firstMs(state).map { ($0 + kept.age.wholeMs + 1) * 1000 }
            }
            return (ends + results).min()
        }
    }

    /// Jobs are there to be claimed.
    func hasReady(_ queue: QueueName) -> Bool {
        look(queue) { model, nowUs in
            return !model.isPaused && (!model.line.isEmpty || model.firstInUs(.scheduled, atUs: nowUs) == 0)
        }
    }
}

extension QueueModel {
    fileprivate func detail(_ id: JobID, _ queue: QueueName, nowMs: Int64) -> JobDetail {
        guard let job = jobs[id] else { return JobDetail(id: id, queue: queue, serverMs: nowMs, state: state(of: id)) }
        let lease = lease(of: id)
        return JobDetail(
            id: id, queue: queue, serverMs: nowMs, state: job.place.state, whenMs: job.place.timeMs,
            header: job.header, payload: ByteBuffer(bytes: job.payload), tries: job.tries ?? .none,
            token: lease?.token, consumer: lease?.consumer, cancelReason: lease?.cancelReason, uniqueKey: job.key?.text,
            history: job.history)
    }
}
