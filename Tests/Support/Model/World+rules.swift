import StintCore

/// What has to be true in every state that can be reached.
extension World {
    /// - Returns: what is not, in words.
    var wrong: [String] { overlaps + strangers + losses + sharedKeys + deadEnds }

    /// I8, I13: of one job no two nodes are sure, and only one belief is the store's.
    private var overlaps: [String] {
        Self.jobs.flatMap { job -> [String] in
            let beliefs = nodes.enumerated().compactMap { node in node.element.beliefs[job].map { (node.offset, $0) } }
            let lease = queue.lease(of: Lab.id(job))
            let held = beliefs.count { lease?.token == $0.1.token && lease?.consumer == Lab.consumer($0.0) }
            let sure = beliefs.count { $0.1.untilMs > 0 }
            return held > 1 || sure > 1 ? ["job \(job) is held \(held) times, \(sure) nodes are sure of it"] : []
        }
    }

    /// I3: who shows another token, or is another consumer, changes nothing.
    private var strangers: [String] {
        var wrong: [String] = []
        let tokens = (0...queue.lastToken.rawValue + 1).map(Token.init(rawValue:))
        for consumer in [Lab.consumer(0), Lab.consumer(1), Self.gone] {
            let claims = Self.jobs.flatMap { job in tokens.map { QueueModel.Claim(id: Lab.id(job), token: $0) } }
                .filter { claim in
                    queue.lease(of: claim.id).map { $0.token != claim.token || $0.consumer != consumer } ?? true
                }
            var after = queue
            let nacks = claims.map { QueueModel.Nack($0, .retry, delayMs: 0, maxFailures: 1, reason: "") }
            _ = try? after.ack(claims, by: consumer)
            _ = try? after.nack(nacks, by: consumer, atUs: 0)
            _ = try? after.release(claims, by: consumer, delayMs: 0, atUs: 0)
            _ = try? after.extend(claims.map { ($0, 5) }, by: consumer, atUs: 0)
            if after != queue { wrong.append("\(consumer) changed a job that it does not hold") }
        }
        return wrong
    }

    /// I1, I9: what was accepted is somewhere, what was acked is done.
    private var losses: [String] {
        Self.jobs.compactMap { job in
            let state = queue.state(of: Lab.id(job))
            if acked.contains(job), state != .done { return "job \(job) was acked and is \(state?.rawValue ?? "lost")" }
            return taken.contains(job) && state == nil ? "job \(job) was accepted and is lost" : nil
        }
    }

    /// A unique key is one living job's at a time.
    private var sharedKeys: [String] {
        let holders = queue.jobs.filter(\.value.holdsKey).keys.sorted()
        return holders.count > 1 ? ["jobs \(holders) have the same key"] : []
    }

    /// I7: once the faults are over, one node that works brings every job to an end.
    private var deadEnds: [String] {
        var queue = queue
        let worker = Lab.consumer(8)
        let nowUs: Int64 = 1_000_000_000
        for _ in 0..<3 {
            _ = try? queue.reap(10, maxLapses: Self.maxLapses, atUs: nowUs)
            guard let claimed = try? queue.claim(10, for: worker, leaseMs: Self.leaseMs, atUs: nowUs),
                let token = claimed.token
            else { break }
            _ = try? queue.ack(claimed.ids.map { .init(id: $0, token: token) }, by: worker)
        }
        return Self.jobs.compactMap { job in
            guard taken.contains(job) else { return nil }
            let end = queue.state(of: Lab.id(job))
            return end == .done || end == .dead || end == .cancelled ? nil : "job \(job) never comes to an end"
        }
    }
}
