import StintCore
import StintStore

/// The rules that a queue has to keep whatever happened, judged by what was asked, what Redis answered and what it holds;
/// the model is not asked.
///
/// I1 a job that was accepted is in exactly one state · I2 tokens rise · I3 who does not hold a job changes nothing · I4 no
/// claim before the due time or after the start-by · I5 attempts are the claims that were not released · I6 no claim beyond
/// the lapses of a job · I8 two runs only with an end of the lease between · I9 what was acked is not run again · I10 an id is
/// accepted once · I11 no retry before its delay · I15 a refused call changes nothing · I19 records, tries, cancels and indexes
/// agree.
/// I20 of living jobs that are unique until their end no two have a key.
/// I17, the order, and I18, what is kept, are the comparison with the model.
struct Witness {
    var sight = Sight()
    private var lives: [JobID: Life] = [:]
    private var lastToken = Token(rawValue: 0)

    private struct Life {
        /// A job whose time has come once may be claimed from then on, also when the clock goes back.
        var notBeforeMs: Int64
        var claims = 0, nacks = 0, lapses = 0, releases = 0
        var isAcked = false
    }

    /// - Returns: the rules that are broken now, in words.
    mutating func judge(_ happening: Happening, _ now: Sight, nowMs: Int64) -> [String] {
        var wrong: [String] = []
        if happening.found == Happening.refusal, now != sight { wrong.append("I15: a refused call changed something") }
        switch happening.kind {
        case .enqueue(let outcomes, let dueMs):
            for (outcome, due) in zip(outcomes, dueMs) {
                switch outcome.1 {
                case .accepted:
                    if lives[outcome.0] != nil { wrong.append("I10: \(outcome.0) was accepted twice") }
                    lives[outcome.0] = Life(notBeforeMs: due)
                case .replaced(let holder, _):
                    if lives[holder] == nil { wrong.append("I20: \(holder) was replaced and never accepted") }
                    lives[holder] = Life(notBeforeMs: due)
                case .exists, .taken: break
                }
            }
        case .claim(let claim, _): wrong += claimed(claim, nowMs)
        case .ack(let jobs, let settlement): wrong += acked(jobs, settlement, now)
        case .nack(let nacks, let outcomes): wrong += nacked(nacks, outcomes, now, nowMs)
        case .release(let jobs, let settlement, let delayMs):
            if settlement?.accepted == 0, now != sight { wrong.append("I3: a release by nobody changed something") }
            for id in Self.accepted(jobs, settlement) {
                lives[id]?.releases += 1
                lives[id]?.notBeforeMs = nowMs + delayMs
            }
        case .reap(let lapses):
            for lapse in lapses { lives[lapse.id]?.lapses += 1 }
        case .redrive(let ids):
            for id in ids where [.dead, .cancelled].contains(sight.jobs[id]?.state) && now.jobs[id]?.state == .ready {
                lives[id] = Life(notBeforeMs: nowMs)
            }
        case .change(let ids, let outcomes, let dueMs):
            for (id, outcome) in zip(ids, outcomes) where outcome == .changed {
                if let dueMs { lives[id]?.notBeforeMs = dueMs }
            }
        case .forget, .other: break
        }
        wrong += kept(now, mayForget: { if case .forget = happening.kind { true } else { false } }())
        sight = now
        return wrong
    }

    private mutating func claimed(_ claim: Claim?, _ nowMs: Int64) -> [String] {
        var wrong: [String] = []
        if let token = claim?.token {
            if token <= lastToken { wrong.append("I2: token \(token) after \(lastToken)") }
            lastToken = token
        }
        for job in claim?.jobs ?? [] {
            guard var life = lives[job.id] else {
                wrong.append("I1: \(job.id) was claimed and never accepted")
                continue
            }
            if life.notBeforeMs > nowMs { wrong.append("I4, I11: \(job.id) was claimed before \(life.notBeforeMs)") }
            if life.isAcked { wrong.append("I9: \(job.id) was claimed after its ack") }
            if life.claims != life.nacks + life.lapses + life.releases {
                wrong.append("I8: \(job.id) is claimed twice")
            }
            if job.tries.attempt != life.claims - life.releases + 1 {
                wrong.append("I5: attempt \(job.tries.attempt) of \(job.id), which had \(life)")
            }
            if job.header.isExpired(atMs: nowMs) { wrong.append("I4: \(job.id) was to be started before") }
            if let max = job.header.maxLapses, job.tries.lapses >= max { wrong.append("I6: \(job.id) is poison") }
            life.claims += 1
            lives[job.id] = life
        }
        return wrong
    }

    private mutating func acked(_ jobs: [Held], _ settlement: Settlement?, _ now: Sight) -> [String] {
        for id in Self.accepted(jobs, settlement) { lives[id]?.isAcked = true }
        return settlement?.accepted == 0 && now != sight ? ["I3: an ack by nobody changed something"] : []
    }

    /// A job may have been shown under several tokens, all but one of which are refused.
    private static func accepted(_ jobs: [Held], _ settlement: Settlement?) -> Set<JobID> {
        guard let settlement else { return [] }
        var shown: [JobID: Int] = [:]
        for job in jobs { shown[job.id, default: 0] += 1 }
        for job in settlement.refused { shown[job.id, default: 0] -= 1 }
        return Set(shown.filter { $0.value > 0 }.keys)
    }

    private mutating func nacked(_ nacks: [Nack], _ outcomes: [NackOutcome], _ now: Sight, _ nowMs: Int64) -> [String] {
        var isAllRefused = true
        for (nack, outcome) in zip(nacks, outcomes) {
            if case .refused = outcome { continue }
            isAllRefused = false
            // A cancel is no failure, so that it does not count as an attempt either.
            if nack.verdict == .cancel {
                lives[nack.held.id]?.releases += 1
            } else {
                lives[nack.held.id]?.nacks += 1
            }
            lives[nack.held.id]?.notBeforeMs = nowMs + max(0, nack.delay.wholeMs)
        }
        return isAllRefused && now != sight ? ["I3: a nack by nobody changed something"] : []
    }

    /// What has to be true of any queue, and what may not vanish.
    private mutating func kept(_ now: Sight, mayForget: Bool) -> [String] {
        var wrong: [String] = []
        func check(_ ids: some Sequence<JobID>, _ sentence: String) {
            for id in ids.sorted().prefix(3) { wrong.append("\(id) \(sentence)") }
        }
        let living = now.ids.values.flatMap { $0 }, alive = Set(living), done = now.done.union(now.doneBefore)
        check(Dictionary(grouping: living) { $0 }.filter { $0.value.count > 1 }.keys, "is in two states (I1)")
        check(alive.intersection(done), "is done and lives (I1)")
        check(alive.symmetricDifference(now.records), "has a record or a state, and not both (I19)")
        check(now.triesOf.subtracting(alive), "has tries and does not live (I19)")
        let leased = Set(now.ids[.leased] ?? [])
        check(now.cancelsOf.subtracting(leased), "is wanted cancelled and not leased (I19)")
        check(
            alive.filter { (now.jobs[$0]?.token != nil) != leased.contains($0) },
            "has a lease or is leased, not both (I19)")
        let owners = now.keyOf.filter { id, key in
            key.first != "t" && [.scheduled, .ready, .leased].contains(now.jobs[id]?.state)
        }
        for (key, ids) in Dictionary(grouping: owners, by: { $0.value.dropFirst(2) }) where ids.count > 1 {
            wrong.append("\(ids.map(\.key).sorted()) have the key \(key) (I20)")
        }
        if now.lastToken < lastToken { wrong.append("I2: the last token went back") }
        for id in now.ids[.ready] ?? [] { lives[id]?.notBeforeMs = .min }
        let known = alive.union(done)
        let lost = lives.keys.filter { !known.contains($0) }
        if mayForget { for id in lost { lives[id] = nil } } else { check(lost, "is lost (I1)") }
        return wrong
    }
}
