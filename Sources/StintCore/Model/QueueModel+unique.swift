/// Unique keys. A job has the key it was enqueued with as long as it lives, or until it was started; a key may be held for a
/// time besides, whatever becomes of the job.
extension QueueModel {
    package struct Key: Hashable, Sendable {
        package let text: String
        package let span: UniqueSpan

        /// As `unique_of` says it.
        package var told: String {
            switch span {
            case .untilDone: "d " + text
            case .untilStarted: "s " + text
            case .time: "t " + text
            }
        }
    }

    package struct TimedKey: Hashable, Sendable {
        package let id: JobID
        package internal(set) var untilMs: Int64
    }

    /// What `unique` says: whose each key is, and until when.
    package var keys: [String: String] {
        var keys = timedKeys.mapValues { "\($0.id) \($0.untilMs)" }
        for (id, job) in jobs where job.holdsKey { keys[job.key?.text ?? ""] = id.rawValue }
        return keys
    }

    /// Whose a key is now, and that job's state; a job that is known no more is done.
    func holder(of key: String, nowMs: Int64) -> (id: JobID, state: JobState)? {
        if let timed = timedKeys[key] {
            // The job that took it may be forgotten, and its id another's by now.
            let state = jobs[timed.id]?.key?.text == key ? jobs[timed.id]?.place.state : nil
            return timed.untilMs > nowMs ? (timed.id, state ?? .done) : nil
        }
        return jobs.first { $0.value.holdsKey && $0.value.key?.text == key }.map { ($0.key, $0.value.place.state) }
    }

    /// Gives a key that is free to a job.
    mutating func take(_ key: Key, for id: JobID, nowMs: Int64) {
        timedKeys[key.text] = nil
        if case .time(let length) = key.span {
            timedKeys[key.text] = TimedKey(id: id, untilMs: nowMs + length.wholeMs)
        }
        jobs[id]?.key = key
    }

    /// A job is cancelled, or deleted: what it holds for a time is free, too.
    mutating func freeTimedKey(of id: JobID) {
        guard let key = jobs[id]?.key?.text, timedKeys[key]?.id == id else { return }
        timedKeys[key] = nil
    }

    /// Whether a job that has ended may live again.
    func mayTakeAgain(_ id: JobID, nowMs: Int64) -> Bool {
        guard let key = jobs[id]?.key, let holder = holder(of: key.text, nowMs: nowMs) else { return true }
        return holder.id == id
    }

    /// Forgets keys whose time is over, the oldest first.
    mutating func forgetOldKeys(_ limit: Int, nowMs: Int64) {
        let old = timedKeys.filter { $0.value.untilMs <= nowMs }
            .sorted { ($0.value.untilMs, $0.key) < ($1.value.untilMs, $1.key) }
        for (key, _) in old.prefix(limit) { timedKeys[key] = nil }
    }
}

extension QueueModel.Job {
    /// Whether it lives and holds its key by that.
    package var holdsKey: Bool {
        switch (key?.span, place.state) {
        case (.untilDone, .scheduled), (.untilDone, .ready), (.untilDone, .leased): true
        case (.untilStarted, .scheduled), (.untilStarted, .ready), (.untilStarted, .leased): true
        default: false
        }
    }
}
