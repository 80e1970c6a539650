import Foundation

extension QueueModel {
    package struct Claimed: Hashable, Sendable {
        /// `nil` = nothing was ready.
        package internal(set) var token: Token?
        package internal(set) var isPaused = false
        /// In the order in which they are to be run.
        package internal(set) var ids: [JobID] = []
        /// Jobs that are ready, or due, stayed behind.
        package internal(set) var leavesMore = false
        /// Until the next lease runs out; `nil` = none is leased, or there is no time to wait because more jobs are ready.
        package internal(set) var lapseInUs: Int64?
        /// Of a claim by types: how many jobs of others it has looked at.
        package internal(set) var skipped = 0
        /// Of a claim by types: where to look on; 0 = all were looked at.
        package internal(set) var nextRank = 0
    }

    /// Only jobs of some types, from a rank on.
    package struct Choice: Hashable, Sendable {
        package let types: Set<JobType>
        package let fromRank: Int

        package init(_ types: Set<JobType>, fromRank: Int) {
            self.types = types
            self.fromRank = fromRank
        }
    }

    /// A claim by types looks at so many more jobs than it may take.
    static let lookedAtBesides = 200

    /// A claim makes due jobs ready first: as many as it may take, and no fewer than this.
    static let promotedByClaim = 200

    /// Leases the first ready jobs to a consumer, all under one token that is higher than every token before.
    ///
    /// A job that was to be started before now is buried instead.
    ///
    /// - Parameters:
    ///   - leaseMs: a job's own lease goes before it.
    ///   - choice: `nil` = jobs of every type.
    ///   - draw: where the order is random, chooses so many of the ready jobs.
    package mutating func claim(
        _ limit: Int, for consumer: ConsumerID, leaseMs: Int64, only choice: Choice? = nil,
        draw: (_ ready: [JobID], _ count: Int) -> [JobID] = { Array($0.prefix($1)) }, atUs nowUs: Int64
    ) throws(Malformed) -> Claimed {
        let limit = try Self.limit(limit)
        try Self.check((1...Self.maxLeaseMs).contains(leaseMs) && choice?.fromRank ?? 0 >= 0)
        var claimed = Claimed()
        claimed.isPaused = isPaused
        if isPaused {
            claimed.lapseInUs = firstInUs(.leased, atUs: nowUs)
            return claimed
        }
        makeReady(max(limit, Self.promotedByClaim), nowUs)
        if let choice {
            if pick(limit, choice, &claimed) { return emptyHanded(claimed, atUs: nowUs) }
        } else {
            claimed.ids = try next(limit, draw)
        }
        if !claimed.ids.isEmpty {
            lastToken = Token(rawValue: max(lastToken.rawValue + 1, nowUs))
            claimed.token = lastToken
        }
        for id in claimed.ids where jobs[id]?.header.isExpired(atMs: nowUs / 1000) == true { expire(id, nowUs / 1000) }
        claimed.ids.removeAll { state(of: $0) == .dead }
        if case .aged = order { for id in claimed.ids { places[id] = line.score(of: id) } }
        var deadlines = Deadlines(of: self)
        for id in claimed.ids {
            let ownMs = jobs[id]?.header.lease?.wholeMs
            let deadlineUs = deadlines.draw(nowUs + (ownMs ?? leaseMs) * 1000, for: lastToken, consumer)
            move(id, to: .leased(Lease(token: lastToken, consumer: consumer, deadlineUs: deadlineUs)), atUs: nowUs)
            if jobs[id]?.key?.span == .untilStarted { jobs[id]?.key = nil }
        }
        let isMore = choice == nil ? !line.isEmpty : claimed.leavesMore
        claimed.leavesMore = isMore || firstInUs(.scheduled, atUs: nowUs) == 0
        if claimed.leavesMore { isMarked = true } else { claimed.lapseInUs = firstInUs(.leased, atUs: nowUs) }
        return claimed
    }

    /// Looks for jobs of some types. The others stay where they are.
    ///
    /// - Returns: whether there is none.
    private func pick(_ limit: Int, _ choice: Choice, _ claimed: inout Claimed) -> Bool {
        let line = ready.dropFirst(choice.fromRank)
        var looked = 0
        for id in line.prefix(min(limit + Self.lookedAtBesides, Self.maxJobs)) where claimed.ids.count < limit {
            looked += 1
            if choice.types.contains(jobs[id]?.header.type ?? .plain) { claimed.ids.append(id) }
        }
        claimed.skipped = looked - claimed.ids.count
        claimed.leavesMore = line.count > looked
        claimed.nextRank = claimed.leavesMore ? choice.fromRank + claimed.skipped : 0
        return claimed.ids.isEmpty
    }

    /// Nothing was claimed by types: there is no mark, so that nodes which do not know a type do not wake each other.
    private func emptyHanded(_ claimed: Claimed, atUs nowUs: Int64) -> Claimed {
        var claimed = claimed
        if !claimed.leavesMore { claimed.lapseInUs = firstInUs(.leased, atUs: nowUs) }
        return claimed
    }

    /// Makes jobs that are due ready.
    ///
    /// - Returns: how many.
    package mutating func promote(_ limit: Int, atUs nowUs: Int64) throws(Malformed) -> Int {
        let promoted = makeReady(try Self.limit(limit), nowUs)
        if promoted > 0 { isMarked = true }
        return promoted
    }

    private func next(_ limit: Int, _ draw: (_ ready: [JobID], _ count: Int) -> [JobID]) throws(Malformed) -> [JobID] {
        if order != .random { return Array(ready.prefix(limit)) }
        let drawn = draw(ready, min(limit, line.count))
        let isPart = Set(drawn).count == drawn.count && Set(drawn).isSubset(of: ready)
        guard isPart, drawn.count == min(limit, line.count) else { throw Malformed() }
        return drawn
    }

    private mutating func expire(_ id: JobID, _ nowMs: Int64) {
        guard case .at(let ms) = jobs[id]?.header.startBy else { return }
        note(id, "expired: it was not started by \(Self.utc(ms))", nowMs: nowMs)
        end(id, .dead(sinceMs: nowMs))
    }

    /// 2026-01-31T10:00:00.250Z
    static func utc(_ ms: Int64) -> String {
        let seconds = Date(timeIntervalSince1970: Double(ms / 1000)).formatted(.iso8601).dropLast()
        return "\(seconds).\(String(1000 + ms % 1000).dropFirst())Z"
    }

    /// In the order of their due times they become ready now.
    @discardableResult
    private mutating func makeReady(_ limit: Int, _ nowUs: Int64) -> Int {
        let due = earliest { place in
            if case .scheduled(let dueMs) = place, dueMs <= nowUs / 1000 { dueMs } else { nil }
        }.prefix(limit)
        for id in due { move(id, to: .ready, atUs: nowUs) }
        return due.count
    }
}
