extension QueueModel {
    /// The same queue as who comes later sees it: times are counted from now, tokens are ranks, and what decides nothing is
    /// left out (when a job ended, why, the totals). Two queues that are canonically equal behave alike from here on.
    ///
    /// It is so for the order by priority, which the search has.
    ///
    /// - Parameters:
    ///   - rank: keeps the order of the tokens.
    ///   - consumer: who a holder is told as.
    package func canonical(
        atUs nowUs: Int64, rank: (Token) -> Token, consumer: (ConsumerID) -> ConsumerID
    ) -> QueueModel {
        var copy = self
        var scores: [JobID: Int64] = [:]
        let nowMs = nowUs / 1000
        copy.totals = Totals()
        copy.doneSinceMs = nil
        copy.lastToken = rank(lastToken)
        // In each band ranks, and all of them before what is ready from now on.
        var ranks: [Int64: Int64] = [:]
        for slot in line.slots {
            let low = ReadyScore.band(of: slot.score).lowerBound
            ranks[low, default: ReadyScore.ticks(0) - Int64(line.count)] += 1
            scores[slot.id] = low + ranks[low, default: 0] - 1
        }
        copy.line.rescore { scores[$0.id] ?? $0.score }
        for (key, timed) in timedKeys { copy.timedKeys[key]?.untilMs = max(0, timed.untilMs - nowMs) }
        for (id, job) in jobs {
            copy.jobs[id]?.tries = job.tries.map {
                Tries(failures: $0.failures, lapses: $0.lapses, lastMs: 0, reason: "")
            }
            if case .at(let ms) = job.header.startBy { copy.jobs[id]?.header.startBy = .at(ms: ms - nowMs) }
            copy.jobs[id]?.history = []
            switch job.place {
            case .scheduled(let dueMs): copy.jobs[id]?.place = .scheduled(dueMs: dueMs - nowMs)
            case .leased(var lease):
                lease.token = rank(lease.token)
                lease.consumer = consumer(lease.consumer)
                lease.deadlineUs -= nowUs
                copy.jobs[id]?.place = .leased(lease)
            case .dead: copy.jobs[id]?.place = .dead(sinceMs: 0)
            case .cancelled: copy.jobs[id]?.place = .cancelled(sinceMs: 0)
            case .ready: break
            }
        }
        return copy
    }
}
