extension QueueModel {
    package enum Change: String, Hashable, Sendable { case changed, leased, done, dead, cancelled, unknown }

    /// What a score can tell apart.
    private static let maxDueMs: Int64 = 1 << 53 - 1

    var scores: ReadyScore {
        ReadyScore(order: order, isSecondWeight: isSecondWeight, estimatesUs: estimatesUs)
    }

    /// Gives a queue another order, and all its ready jobs their places in it.
    package mutating func setOrder(_ new: QueueOrder, atUs nowUs: Int64) {
        if new == order { return }
        let before = scores
        if case (.aged, .aged) = (order, new) { isSecondWeight.toggle() } else { isSecondWeight = false }
        order = new
        let (after, jobs) = (scores, self.jobs)
        line.rescore { slot in
            guard let header = jobs[slot.id]?.header else { return slot.score }
            return after.score(header, before.ticks(header, slot.score) ?? ReadyScore.ticks(nowUs)).0
        }
    }

    /// Since when the job that is ready longest has been so, as far as the order tells; of aged jobs the one that runs next.
    package var oldestReadyUs: Int64? {
        let slots: [ReadyLine.Slot]
        switch order {
        case .lifo: slots = line.slots.suffix(1)
        case .aged: slots = Array(line.slots.prefix(1))
        case .deadline: slots = line.heads.filter { !ReadyScore.isDeadline($0.score) }
        case .priority, .fifo, .random, .shortest: slots = line.heads
        }
        return slots.compactMap { slot in
            jobs[slot.id].flatMap { scores.ticks($0.header, slot.score) }.map(ReadyScore.us)
        }.min()
    }

    /// Remembers how long runs have taken, by types, where the order asks for it. What is known of a type counts as much as
    /// eight runs.
    ///
    /// - Returns: whether it does.
    package mutating func learn(_ measured: [RunTime]) throws(Malformed) -> Bool {
        try Self.check(1...Self.maxJobs ~= measured.count)
        for one in measured {
            try Self.check(1...RunTime.maxRuns ~= one.runs && 0...RunTime.maxUs ~= one.us)
        }
        guard order == .shortest else { return false }
        for one in measured {
            if let known = estimatesUs[one.type] {
                estimatesUs[one.type] = (8 * known + one.us) / Int64(8 + one.runs)
            } else if estimatesUs.count < RunTime.maxTypes {
                estimatesUs[one.type] = one.us / Int64(one.runs)
            }
        }
        return true
    }

    /// Gives jobs that wait another priority, or due time. A ready one keeps the time at which it became so.
    package mutating func change(_ ids: [JobID], priority: Int?, due: Due?, atUs nowUs: Int64) throws(Malformed)
        -> [Change]
    {
        try Self.check(ids.count <= Self.maxJobs && (-100...100).contains(priority ?? 0))
        let dueMs = due?.ms(nowUs / 1000)
        try Self.check(dueMs ?? 0 <= Self.maxDueMs)
        return ids.map { id in
            switch state(of: id) {
            case .ready, .scheduled:
                if let priority { change(id, priority, nowUs) }
                if let dueMs { change(id, dueMs: dueMs, nowUs) }
                return .changed
            case .leased: return .leased
            case .done: return .done
            case .dead: return .dead
            case .cancelled: return .cancelled
            case nil: return .unknown
            }
        }
    }

    private mutating func change(_ id: JobID, _ priority: Int, _ nowUs: Int64) {
        guard let before = jobs[id]?.header, before.priority != priority else { return }
        jobs[id]?.header.priority = priority
        guard let score = line.score(of: id), let header = jobs[id]?.header else { return }
        line.remove(id)
        line.insert(id, scores.score(header, scores.ticks(before, score) ?? ReadyScore.ticks(nowUs)).0)
    }

    private mutating func change(_ id: JobID, dueMs: Int64, _ nowUs: Int64) {
        if dueMs <= nowUs / 1000 {
            guard state(of: id) == .scheduled else { return }
            move(id, to: .ready, atUs: nowUs)
            isMarked = true
        } else {
            move(id, to: .scheduled(dueMs: dueMs), atUs: nowUs)
            if dueMs <= firstMs(.scheduled) ?? .max { isMarked = true }
        }
    }
}

// MARK: Moving

extension QueueModel {
    enum End { case front, back }

    /// Puts a job that is known into another place. All moves between places are this one.
    ///
    /// - Parameter end: where it goes in `ready`, among those that it shares a band with.
    mutating func move(_ id: JobID, to place: Place, at end: End = .back, atUs nowUs: Int64) {
        guard let job = jobs[id] else { return }
        if job.place == .ready { line.remove(id) }
        jobs[id]?.place = place
        guard place == .ready else { return }
        let (score, spot) = scores.score(job.header, ReadyScore.ticks(nowUs))
        let others = line.ends(in: ReadyScore.band(of: score))
        switch (spot, end) {
        case (.end, .back):
            guard let last = others?.last, last.score >= score else { return line.insert(id, score) }
            line.insert(id, id > last.id ? last.score : last.score + 1)
        case (.front, _), (.end, .front): line.insert(id, min(others?.first.score ?? .max, score) - 1)
        case (.exact, .back): line.insert(id, score)
        case (.exact, .front): line.insert(id, min(keptPlace(of: id, near: score) ?? score, score))
        }
    }

    /// Where a job stood when it was claimed: of aged ones nothing else tells how long they have waited.
    private func keptPlace(of id: JobID, near score: Int64) -> Int64? {
        guard case .aged = order, let place = places[id] else { return nil }
        let pair = 2 * ReadyScore.band
        return place / pair == score / pair ? place : nil
    }

    /// Forgets a job as if it had never been.
    mutating func forget(_ id: JobID) {
        freeTimedKey(of: id)
        remove(id)
    }

    /// Removes a job's record and place.
    mutating func remove(_ id: JobID) {
        guard let job = jobs.removeValue(forKey: id) else { return }
        if job.place == .ready { line.remove(id) }
        places[id] = nil
    }
}
