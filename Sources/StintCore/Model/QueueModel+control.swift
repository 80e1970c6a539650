extension QueueModel {
    package enum CancelOutcome: String, Hashable, Sendable { case cancelled, requested, done, unknown }

    /// Cancels jobs, wherever they are. A leased one is asked for: its holder hears of it, and it will not run again.
    package mutating func cancel(_ ids: [JobID], reason: String, atUs nowUs: Int64) throws(Malformed) -> [CancelOutcome]
    {
        try Self.check(ids.count <= Self.maxJobs)
        let nowMs = nowUs / 1000
        return ids.map { id in
            switch state(of: id) {
            case .leased:
                if var lease = lease(of: id) {
                    lease.cancelReason = Self.kept(reason)
                    move(id, to: .leased(lease), atUs: nowUs)
                }
                return .requested
            case .ready, .scheduled, .dead:
                note(id, "cancelled: " + Self.kept(reason), nowMs: nowMs)
                end(id, .cancelled(sinceMs: nowMs))
                return .cancelled
            case .cancelled: return .cancelled
            case .done: return .done
            case nil: return .unknown
            }
        }
    }

    package enum RedriveOutcome: Hashable, Sendable {
        /// What it is now; `nil` = unknown.
        case state(JobState?)
        /// Another job has its unique key.
        case taken
    }

    /// Brings dead or cancelled jobs back, with all their tries before them, and without a time by which they were to
    /// be started when that has passed.
    package mutating func redrive(_ ids: [JobID], atUs nowUs: Int64) throws(Malformed) -> [RedriveOutcome] {
        try Self.check(ids.count <= Self.maxJobs)
        return ids.map { id in
            let before = state(of: id)
            guard before == .dead || before == .cancelled else { return .state(before) }
            guard mayTakeAgain(id, nowMs: nowUs / 1000) else { return .taken }
            if let key = jobs[id]?.key, key.span == .untilDone || key.span == .untilStarted {
                timedKeys[key.text] = nil
            }
            jobs[id]?.tries = nil
            if jobs[id]?.header.isExpired(atMs: nowUs / 1000) == true { jobs[id]?.header.startBy = nil }
            move(id, to: .ready, atUs: nowUs)
            totals.redriven += 1
            isMarked = true
            return .state(.ready)
        }
    }

    package enum EditOutcome: String, Hashable, Sendable { case edited, leased, done, unknown, encoded }

    /// Gives jobs that are not running another payload, unless a codec wrote theirs.
    package mutating func edit(_ payloads: [(id: JobID, payload: [UInt8])]) throws(Malformed) -> [EditOutcome] {
        try Self.check(payloads.count <= Self.maxJobs)
        return payloads.map { id, payload in
            switch state(of: id) {
            case .leased: return .leased
            case .done: return .done
            case nil: return .unknown
            case .ready, .scheduled, .dead, .cancelled:
                if jobs[id]?.header.codec != nil { return .encoded }
                jobs[id]?.payload = payload
                return .edited
            }
        }
    }

    /// Stops or starts the claims. Everything else goes on.
    ///
    /// - Returns: whether that changed something.
    package mutating func pause(_ isPaused: Bool) -> Bool {
        if isPaused == self.isPaused { return false }
        self.isPaused = isPaused
        if !isPaused { isMarked = true }
        return true
    }

    /// An idle node takes the mark.
    ///
    /// - Returns: whether there was one.
    package mutating func takeMark() -> Bool {
        defer { isMarked = false }
        return isMarked
    }
}
