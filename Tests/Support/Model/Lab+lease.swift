import NIOCore
import StintCore
import StintStore

/// What nodes do with leases.
extension Lab {
    func lease(_ command: Command, isAnswered: Bool) async throws -> Happening {
        switch command {
        case .claim(let limit, let node, let leaseMs):
            return try await claim(limit, node, leaseMs, isAnswered: isAnswered)
        case .claimUsual(let limit, let node, let leaseMs, let rank):
            return try await claim(limit, node, leaseMs, fromRank: rank, isAnswered: isAnswered)
        case .ack(let pick, let node): return try await ack(beliefs.resolve(pick, node), node)
        case .nack(let pick, let verdict, let delayMs, let maxFailures, let node):
            let claims = beliefs.resolve(pick, node).map(\.claim)
            let nacks = claims.map { claim in
                QueueModel.Nack(
                    claim, verdict, delayMs: delayMs, maxFailures: maxFailures, reason: "\(verdict) of \(claim.id)")
            }
            return try await nack(nacks, node)
        case .extend(let pick, let leaseMs, let node):
            return try await extend(beliefs.resolve(pick, node), leaseMs, node)
        case .release(let pick, let delayMs, let node):
            return try await release(beliefs.resolve(pick, node), delayMs, node)
        case .once(let job, let which, let step, let size, let node):
            let held = beliefs.resolve(.jobs([job], which), node)[0]
            return try await once(
                "step \(step)", held, size.map { Array(repeating: UInt8(ascii: "v"), count: $0) }, node)
        case .recover(let node): return try await recover(node)
        default: preconditionFailure("\(command) is not about leases")
        }
    }

    private func claim(
        _ limit: Int, _ node: Int, _ leaseMs: Int64, fromRank: Int? = nil, isAnswered: Bool
    ) async throws -> Happening {
        let only = fromRank.map { TypeChoice([Self.usualType], fromRank: $0) }
        let choice = fromRank.map { QueueModel.Choice([Self.usualType], fromRank: $0) }
        let (queue, nowUs, consumer) = (queue, nowUs, Self.consumer(node))
        var nextDueMs: Int64?
        var drawn: [JobID] = []
        let (dead, isRandom) = (Set(model.ids(.dead)), model.order == .random)
        var (happening, claim) = try await answer(
            .other,
            { model in
                let claimed = try model.claim(
                    limit, for: consumer, leaseMs: leaseMs, only: choice, draw: { _, _ in drawn }, atUs: nowUs)
                nextDueMs = model.firstMs(.scheduled)
                return claimed.told(model.jobs)
            },
            { store in
                let claim = try await store.claim(
                    limit, from: queue, for: consumer, lease: .milliseconds(leaseMs), only: only)
                drawn = claim.jobs.map(\.id)
                // Of those that were drawn, the ones that came too late were buried.
                if isRandom {
                    let sight = try await Sight.look(at: queue, store, expecting: [])
                    drawn += (sight.ids[.dead] ?? []).filter { !dead.contains($0) }
                }
                return claim
            }, \.told)
        guard let claim else { return happening }
        happening.kind = .claim(claim, lease: leaseMs)
        if claim.serverUs != nowUs { happening.found += ", at \(claim.serverUs)" }
        if !isRight(dueIn: claim.dueIn, nextDueMs) { happening.found += ", due in \(claim.dueIn as Any)" }
        if isAnswered {
            beliefs.give(claim.jobs.map { Held(id: $0.id, token: $0.token) }, to: node)
        } else {
            beliefs.isUnsure.insert(node)
        }
        return happening
    }

    private func once(_ step: String, _ job: Held, _ value: [UInt8]?, _ node: Int) async throws -> Happening {
        let (queue, consumer) = (queue, Self.consumer(node))
        return try await answer(
            .other, { try $0.once(step, of: job.claim, noting: value, by: consumer).told },
            { try await $0.once(step, of: job, noting: value.map { ByteBuffer(bytes: $0) }, on: queue, by: consumer) },
            \.told
        ).0
    }

    /// A consumer is told of the next due time, or of half a second later, or of nothing, because others are.
    func isRight(dueIn: Duration?, _ nextDueMs: Int64?) -> Bool {
        guard let dueIn else { return true }
        guard let nextDueMs else { return false }
        let us = max(0, nextDueMs * 1000 - nowUs)
        return dueIn == .microseconds(us) || dueIn == .microseconds(us + 500_000)
    }

    private func ack(_ jobs: [Held], _ node: Int) async throws -> Happening {
        let (queue, consumer) = (queue, Self.consumer(node))
        var (happening, settlement) = try await answer(
            .other, { try $0.ack(jobs.map(\.claim), by: consumer).told },
            { try await $0.ack(jobs, on: queue, by: consumer) }, \.told)
        happening.kind = .ack(jobs, settlement)
        beliefs.drop(jobs, of: node)
        return happening
    }

    private func nack(_ nacks: [QueueModel.Nack], _ node: Int) async throws -> Happening {
        let (queue, nowUs, consumer) = (queue, nowUs, Self.consumer(node))
        let sent = nacks.map { nack in
            Nack(
                nack.claim.held, Nack.Verdict(rawValue: nack.verdict.rawValue) ?? .retry,
                delay: .milliseconds(nack.delayMs), maxFailures: nack.maxFailures, reason: nack.reason)
        }
        var (happening, outcomes) = try await answer(
            .other, { try $0.nack(nacks, by: consumer, atUs: nowUs).told },
            { try await $0.nack(sent, on: queue, by: consumer) }, \.told)
        happening.kind = .nack(sent, outcomes ?? [])
        beliefs.drop(nacks.map(\.claim.held), of: node)
        return happening
    }

    private func extend(_ jobs: [Held], _ leaseMs: Int64, _ node: Int) async throws -> Happening {
        let (queue, nowUs, consumer) = (queue, nowUs, Self.consumer(node))
        let (happening, extended) = try await answer(
            .other, { try $0.extend(jobs.map { ($0.claim, leaseMs) }, by: consumer, atUs: nowUs).told },
            { try await $0.extend(jobs.map { ($0, .milliseconds(leaseMs)) }, on: queue, by: consumer) }, \.told)
        let refused = Set((extended?.refused ?? []).map(\.id))
        beliefs.drop(jobs.filter { refused.contains($0.id) }, of: node)
        return happening
    }

    private func release(_ jobs: [Held], _ delayMs: Int64, _ node: Int) async throws -> Happening {
        let (queue, nowUs, consumer) = (queue, nowUs, Self.consumer(node))
        var (happening, settlement) = try await answer(
            .other, { try $0.release(jobs.map(\.claim), by: consumer, delayMs: delayMs, atUs: nowUs).told },
            { try await $0.release(jobs, on: queue, by: consumer, delay: .milliseconds(delayMs)) }, \.told)
        happening.kind = .release(jobs, settlement, delayMs: delayMs)
        beliefs.drop(jobs, of: node)
        return happening
    }

    private func recover(_ node: Int) async throws -> Happening {
        let expected = model.claims(of: Self.consumer(node))
        let found = try await Inspector(store).leases(of: Self.consumer(node), on: queue)
            .map(\.claim).sorted { $0.id < $1.id }
        let known = Set(beliefs.held[node, default: []].map(\.claim))
        beliefs.isUnsure.remove(node)
        var happening = try await release(
            expected.filter { !known.contains($0) }.prefix(Defaults.maxJobsPerCall).map(\.held), 0, node)
        happening.expected += ", of \(expected)"
        happening.found += ", of \(found)"
        return happening
    }
}

extension Held {
    var claim: QueueModel.Claim { .init(id: id, token: token) }
}

extension QueueModel.Claim {
    var held: Held { Held(id: id, token: token) }
}
