/// What jobs have to show for themselves, and leave for their next runs.
extension QueueModel {
    /// The result of a done job, and until when it is kept.
    package struct Kept: Hashable, Sendable {
        package let result: [UInt8]
        package let untilMs: Int64
    }

    package struct Answer: Hashable, Sendable {
        package let claim: Claim
        package let keepMs: Int64
        package let result: [UInt8]

        package init(_ claim: Claim, keepMs: Int64, result: [UInt8]) {
            (self.claim, self.keepMs, self.result) = (claim, keepMs, result)
        }
    }

    package enum NoteKind: Hashable, Sendable { case progress, checkpoint }

    /// Settles jobs as done and keeps their results, as far as these bounds allow.
    package mutating func answer(
        _ answers: [Answer], by consumer: ConsumerID, keep: Int, keepBytes: Int, atUs nowUs: Int64
    ) throws(Malformed) -> Settlement {
        try Self.check((1...Self.maxJobs).contains(answers.count))
        for answer in answers { try Self.check((0...Self.maxMs).contains(answer.keepMs)) }
        let nowMs = nowUs / 1000
        var settlement = Settlement(), held: [JobID: Answer] = [:]
        for answer in answers {
            let id = answer.claim.id
            if let refusal = refusal(of: answer.claim, consumer) {
                settlement.refused.append(Refused(id: id, refusal: refusal))
            } else if held[id] == nil {
                held[id] = answer
            }
        }
        for (id, answer) in held {
            results[id] = Kept(result: answer.result, untilMs: nowMs + answer.keepMs)
            finish(id)
        }
        settlement.accepted = held.count
        countAcked(held.count)
        if !held.isEmpty { trimResults(upTo: 2 * held.count + 10, keep: keep, keepBytes: keepBytes, nowMs: nowMs) }
        return settlement
    }

    /// Keeps something about jobs that one holds.
    ///
    /// - Returns: for each why it was refused; `nil` = it was not.
    package mutating func note(
        _ claims: [Claim], _ kind: NoteKind, _ value: [UInt8], by consumer: ConsumerID, atUs nowUs: Int64
    ) throws(Malformed) -> [Refusal?] {
        try Self.check((1...Self.maxJobs).contains(claims.count))
        return claims.map { claim in
            if let refusal = refusal(of: claim, consumer) { return refusal }
            switch kind {
            case .progress: jobs[claim.id]?.progress = "\(nowUs / 1000) " + String(decoding: value, as: UTF8.self)
            case .checkpoint: jobs[claim.id]?.checkpoint = value
            }
            return nil
        }
    }

    /// Forgets results that are too old or too many.
    ///
    /// - Returns: how many.
    package mutating func trimResults(_ limit: Int, keep: Int, keepBytes: Int, atUs nowUs: Int64) throws(Malformed)
        -> Int
    {
        let limit = try Self.limit(limit)
        // As every trim.
        forgetOldKeys(limit, nowMs: nowUs / 1000)
        return trimResults(upTo: limit, keep: keep, keepBytes: keepBytes, nowMs: nowUs / 1000)
    }

    @discardableResult
    private mutating func trimResults(upTo limit: Int, keep: Int, keepBytes: Int, nowMs: Int64) -> Int {
        var bytes = results.values.reduce(0) { $0 + $1.result.count }
        var trimmed = 0
        let next = results.map { (untilMs: $0.value.untilMs, id: $0.key) }.sorted {
            ($0.untilMs, $0.id) < ($1.untilMs, $1.id)
        }
        for (untilMs, id) in next.prefix(limit) {
            if untilMs > nowMs, results.count <= keep, bytes <= keepBytes { break }
            bytes -= results.removeValue(forKey: id)?.result.count ?? 0
            trimmed += 1
        }
        return trimmed
    }
}
