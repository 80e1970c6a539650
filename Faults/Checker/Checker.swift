/// Judges one row: C0 to C10 over the histories of all its processes and the content of the store at its end. Pure.
package struct Checker {
    let evidence: Evidence
    let promise: Promise
    let jobs: [String: JobHistory]
    private var verdict = Verdict()

    package static func judge(_ evidence: Evidence, _ promise: Promise) -> Verdict {
        var checker = Checker(evidence: evidence, promise: promise)
        checker.checkLoss()
        checker.checkOrigins()
        for (id, job) in checker.jobs.sorted(by: { $0.key < $1.key }) {
            checker.checkTokens(id, job)
            checker.checkDue(id, job)
            checker.checkRuns(id, job)
            checker.checkAttempts(id, job)
        }
        checker.checkStore()
        checker.checkRecovery()
        checker.checkExits()
        checker.checkDuplicates()
        checker.checkStrike()
        return checker.verdict
    }

    private init(evidence: Evidence, promise: Promise) {
        self.evidence = evidence
        self.promise = promise
        self.jobs = JobHistory.all(evidence.events)
    }

    // MARK: C1, C2

    private mutating func checkLoss() {
        verdict.attempted = jobs.values.count(where: \.wasAttempted)
        let kills = evidence.events.filter { $0.op == .fault && $0.how == "server kill" }.map(\.mono)
        for (id, job) in jobs.sorted(by: { $0.key < $1.key }) {
            let state = evidence.store[id]
            let isDone = state == "done" || !job.acks.isEmpty
            if job.accepted == nil, job.wasAttempted, !job.wasRefused, isDone || state != nil { verdict.recovered += 1 }
            guard let accepted = job.accepted else { continue }
            verdict.acknowledged += 1
            if isDone {
                verdict.ok += 1
            } else if let state {
                verdict.kept += 1
                if !["dead", "cancelled"].contains(state), !promise.mayBeUnfinished {
                    verdict.add(.c1, "\(id) is still \(state): nobody runs it")
                }
            } else {
                verdict.lost += 1
                complain(ofLost: id, accepted, kills)
            }
        }
    }

    private mutating func complain(ofLost id: String, _ accepted: Event, _ kills: [Int64]) {
        switch promise.loss {
        case .none: verdict.add(.c1, "\(id) was accepted, and is nowhere")
        case .window(let seconds):
            let next = kills.first { $0 >= accepted.mono }
            let lapse = next.map { Double($0 - accepted.mono) / 1e9 }
            if lapse.map({ $0 > seconds }) ?? true {
                verdict.add(.c1, "\(id) was accepted \(lapse.map { "\($0) s" } ?? "after all kills"), and is nowhere")
            }
        case .reported: break
        }
    }

    private mutating func checkOrigins() {
        for (id, job) in jobs where !job.claims.isEmpty || !job.runs.isEmpty || evidence.store[id] != nil {
            if !job.wasAttempted { verdict.add(.c2, "\(id) was never enqueued") }
            if job.wasRefused { verdict.add(.c2, "\(id) exists although its enqueue was refused") }
        }
        for id in evidence.store.keys where jobs[id] == nil { verdict.add(.c2, "\(id) was never enqueued") }
    }

    // MARK: C3, C4

    private mutating func checkTokens(_ id: String, _ job: JobHistory) {
        if job.acks.count > 1, !promise.serverMayForget {
            verdict.add(.c3, "\(id) was acked \(job.acks.count) times")
        }
        for settle in job.settles where settle.type == .ok {
            guard let token = settle.token else { continue }
            let sent = job.settles.last {
                $0.type == .invoke && $0.token == token && $0.consumer == settle.consumer && $0.mono <= settle.mono
            }
            // Sent after a later claim had been answered: the store must have refused it.
            if let later = job.claims.first(where: { $0.token > token && $0.event.mono < sent?.mono ?? settle.mono }),
                !promise.serverMayForget
            {
                verdict.add(.c3, "\(id): \(settle.how ?? "settle") of token \(token) after the claim of \(later.token)")
            }
        }
        let tokens = job.claims.map(\.token)
        if Set(tokens).count < tokens.count, !promise.serverMayForget {
            verdict.add(.c3, "\(id) was claimed twice with one token")
        }
    }

    private mutating func checkDue(_ id: String, _ job: JobHistory) {
        guard let dueMs = job.dueMs else { return }
        for claim in job.claims {
            guard let serverMs = claim.event.serverMs, serverMs < dueMs else { continue }
            verdict.add(.c4, "\(id) was claimed \(dueMs - serverMs) ms before it was due")
        }
    }

    // MARK: C5, C6, C9

    private mutating func checkRuns(_ id: String, _ job: JobHistory) {
        verdict.lapsed += job.lapses.count
        verdict.refused += job.settles.count { $0.type == .fail }
        let claims = Dictionary(job.claims.map { ($0.token, $0) }, uniquingKeysWith: { first, _ in first })
        for (earlier, later) in zip(job.runs, job.runs.dropFirst()) {
            guard let from = claims[earlier.token], let to = claims[later.token] else {
                verdict.add(.c2, "\(id) ran without a claim")
                continue
            }
            let reason = reason(job, from, to)
            if reason != .retry { verdict.duplicated += 1 }
            if reason == nil, !promise.serverMayForget {
                verdict.unexplained += 1
                verdict.add(.c9, "\(id): nothing ended the lease of \(earlier.token) before the run of \(later.token)")
            }
            if later.began < earlier.ended, reason == nil || reason == .retry, !promise.serverMayForget {
                verdict.add(.c5, "\(id): the runs of \(earlier.token) and \(later.token) overlap")
            }
        }
    }

    /// Why a run was not the last one, also when claims between the two were answered to nobody, or never begun.
    private func reason(_ job: JobHistory, _ from: JobHistory.Claim, _ to: JobHistory.Claim) -> JobHistory.Reason? {
        let between = job.claims.filter { $0.token >= from.token && $0.token <= to.token }
        return zip(between, between.dropFirst()).lazy.compactMap { job.reason(from: $0, to: $1) }.first
    }

    private mutating func checkAttempts(_ id: String, _ job: JobHistory) {
        guard !promise.serverMayForget else { return }
        for (earlier, later) in zip(job.claims, job.claims.dropFirst()) {
            let (from, to) = (Self.spent(earlier), Self.spent(later))
            let seen = job.reason(from: earlier, to: later)
            if to < from { verdict.add(.c6, "\(id): attempts fell from \(from + 1) to \(to + 1)") }
            if to == from, seen == .retry || seen == .lapse {
                verdict.add(.c6, "\(id): the claim of \(earlier.token) did not count as an attempt")
            }
            let unseen = to - from - 1
            // Each claim whose answer was lost is one more that lapsed.
            if unseen > 0,
                job.lapses.count(where: { $0.token.map { $0 > earlier.token && $0 < later.token } ?? false })
                    < unseen, !mayHaveUnseenClaims
            {
                verdict.add(.c6, "\(id): attempts rose from \(from + 1) to \(to + 1) between two claims")
            }
        }
    }

    private static func spent(_ claim: JobHistory.Claim) -> Int {
        (claim.event.failures ?? 0) + (claim.event.lapses ?? 0)
    }

    /// A process that was killed may have had a claim that it could not write down.
    private var mayHaveUnseenClaims: Bool { evidence.events.contains { $0.op == .fault } }

    private mutating func checkDuplicates() {
        if case .none = promise.duplicates, verdict.duplicated > 0 {
            verdict.add(.c9, "\(verdict.duplicated) jobs ran again, and none should")
        }
    }

    // MARK: C0, C7, C8, C10

    private mutating func checkStrike() {
        let figures = [
            ("lapses", verdict.lapsed, promise.leastLapses), ("lost jobs", verdict.lost, promise.leastLost),
            ("refused settles", verdict.refused, promise.leastRefusals),
        ]
        for (name, count, least) in figures where count < least {
            verdict.add(.c0, "the fault has struck nothing: \(count) \(name), at least \(least) were to be expected")
        }
    }

    private mutating func checkStore() {
        for complaint in evidence.complaints ?? [] { verdict.add(.c7, complaint) }
    }

    /// For each node that was killed, frozen or cut off: until the last of the jobs that it held was claimed elsewhere. For
    /// the server: until the next claim or settle.
    private mutating func checkRecovery() {
        var longest: (ns: Int64, text: String)?
        func note(_ ns: Int64, _ text: String) { if ns > longest?.ns ?? -1 { longest = (ns, text) } }
        let progress = evidence.events.filter { [.claim, .settle].contains($0.op) && $0.type == .ok }
        for fault in evidence.events where fault.op == .fault {
            if fault.how == "server up" {
                if let next = progress.first(where: { $0.mono >= fault.mono }) {
                    note(next.mono - fault.mono, "the server was up, and nobody claimed or settled")
                }
            } else if let consumer = fault.consumer, ["kill", "freeze", "cut"].contains(fault.how) {
                for (id, job) in jobs {
                    guard let next = Self.rescue(job, of: consumer, at: fault.mono) else { continue }
                    note(next - fault.mono, "\(id) was held by \(consumer), and nobody took it")
                }
            }
        }
        verdict.recoverySeconds = longest.map { Double($0.ns) / 1e9 }
        if let bound = promise.recovery, let longest, .nanoseconds(longest.ns) > bound {
            verdict.add(.c8, "\(longest.text) for \(Double(longest.ns) / 1e9) s; the bound is \(bound)")
        }
    }

    /// When a job that this consumer held at that time was claimed by another; `nil` = it did not hold it, or kept it.
    private static func rescue(_ job: JobHistory, of consumer: String, at mono: Int64) -> Int64? {
        guard let held = job.claims.last(where: { $0.event.mono <= mono }), held.consumer == consumer,
            !job.settles.contains(where: { $0.token == held.token && $0.type == .ok })
        else { return nil }
        return job.claims.first { $0.token > held.token && $0.consumer != consumer }?.event.mono
    }

    private mutating func checkExits() {
        for exit in evidence.events where exit.op == .exit && exit.type == .fail {
            verdict.add(.c10, "\(exit.consumer ?? "a process") \(exit.how ?? ""): \(exit.note ?? "")")
        }
    }
}
