import StintCore

/// Two jobs, a producer, and two nodes with what they believe: a state of the search. Times are counted from now, and
/// tokens are ranks, so that states which behave alike are equal.
struct World: Hashable, Sendable {
    static let jobs = [0, 1]
    static let leaseMs: Int64 = 10
    static let delayMs: Int64 = 4
    static let maxFailures = 2, maxLapses = 2

    let plan: Plan
    var queue = QueueModel()
    var nodes = [Node(), Node()]
    /// What the producer knows of its jobs.
    var sent: [Sent] = [.never, .never]
    /// The jobs that the queue has taken under their own ids, whether the producer knows it or not.
    var taken: Set<Int> = []
    var acked: Set<Int> = []

    init(_ plan: Plan) { self.plan = plan }

    /// Of an enqueue without a reply nothing is known; one that was refused may be sent again.
    enum Sent: Hashable { case never, unconfirmed, refused, accepted }

    struct Node: Hashable, Sendable {
        var beliefs: [Int: Belief] = [:]
        /// Settles that got no reply: what was said, under which token.
        var pending: [Int: Pending] = [:]
        /// A claim got no reply.
        var isUnsure = false
    }

    struct Belief: Hashable, Sendable {
        var token: Token
        /// The node's own deadline, which ends before that of the store.
        var untilMs: Int64
    }

    struct Pending: Hashable, Sendable {
        let token: Token
        let command: Command
    }
}

/// What happens next. Commands name nodes 0 and 1.
enum Move: Hashable, Sendable {
    case step(Step)
    /// A node dies, and another process takes its place.
    case crash(Int)
}

extension World {
    /// Who held leases of nodes that have crashed.
    static let gone = Lab.consumer(9)

    /// All that may happen in this state.
    var moves: [Move] {
        var moves: [Move] = []
        func add(_ command: Command, _ fates: [Fate] = [.answered]) { moves += fates.map { .step(Step(command, $0)) } }
        for job in Self.jobs where sent[job] != .accepted {
            // A request that is lost changes nothing for the producer: it is sent again.
            add(.enqueue([plan.batches[job]]), [.answered, .replyLost])
        }
        for node in nodes.indices { moves += self.moves(of: node) }
        if queue.firstMs(.leased).map({ $0 > 0 }) ?? false { add(.passTo(.deadline, us: 0)) }
        if queue.firstMs(.scheduled).map({ $0 > 0 }) ?? false { add(.passTo(.due, us: 0)) }
        if queue.firstInUs(.leased, atUs: 0) == 0 {
            add(.reap(1, maxLapses: Self.maxLapses))
            add(.reap(1000, maxLapses: Self.maxLapses))
        }
        for job in Self.jobs where taken.contains(job) {
            switch queue.state(of: Lab.id(job)) {
            case .dead: add(.redrive([job]))
            case .cancelled: add(.redrive([job]))
            case .scheduled, .ready, .leased: add(.cancel([job]))
            case .done, nil: break
            }
        }
        return moves
    }

    private func moves(of index: Int) -> [Move] {
        var moves: [Move] = []
        func add(_ command: Command) {
            for fate in [Fate.answered, .replyLost, .requestLost] { moves.append(.step(Step(command, fate))) }
        }
        let node = nodes[index]
        if node.isUnsure {
            add(.recover(by: index))
        } else if node.beliefs.isEmpty {
            add(.claim(2, by: index, leaseMs: Self.leaseMs))
            add(.claim(1, by: index, leaseMs: Self.leaseMs))
        } else if node.beliefs.count == 1 {
            add(.claim(1, by: index, leaseMs: Self.leaseMs))
        }
        for job in Self.jobs where node.beliefs[job] == nil {
            if let pending = node.pending[job] { add(pending.command) }
        }
        for job in node.beliefs.keys.sorted() {
            let pick = Pick.jobs([job], .own)
            add(.ack(pick, by: index))
            add(.nack(pick, .retry, delayMs: Self.delayMs, maxFailures: Self.maxFailures, by: index))
            add(.nack(pick, .reject, delayMs: 0, maxFailures: Self.maxFailures, by: index))
            add(.release(pick, delayMs: 0, by: index))
            moves.append(.step(Step(.extend(pick, leaseMs: Self.leaseMs, by: index))))
            moves.append(.step(Step(.extend(pick, leaseMs: Self.leaseMs, by: index), .replyLost)))
        }
        if node != Node() { moves.append(.crash(index)) }
        return moves
    }
}

extension World {
    /// The state after a move, or what rule the move itself broke.
    func after(_ move: Move) -> (world: World, wrong: [String]) {
        var next = self, wrong: [String] = []
        var nowUs: Int64 = 0
        switch move {
        case .crash(let node):
            next.nodes[node] = Node()
            next.tell { $0 == Lab.consumer(node) ? Self.gone : $0 }
        case .step(let step):
            switch step.command {
            case .passTo(let moment, _):
                nowUs = (queue.firstMs(moment == .due ? .scheduled : .leased) ?? 0) * 1000
            case .enqueue(let batches): wrong += next.enqueue(batches[0].ids[0], step.fate)
            case .reap(let limit, let maxLapses): _ = try? next.queue.reap(limit, maxLapses: maxLapses, atUs: 0)
            case .cancel(let jobs): _ = try? next.queue.cancel(jobs.map(Lab.id), reason: "why", atUs: 0)
            case .redrive(let jobs): _ = try? next.queue.redrive(jobs.map(Lab.id), atUs: 0)
            case .claim(let limit, let node, _): next.claim(limit, node, step.fate)
            case .recover(let node): next.recover(node, step.fate)
            case .extend(.jobs(let jobs, _), _, let node): next.extend(jobs[0], node, step.fate)
            default: next.settle(step.command, step.fate)
            }
        }
        next.normalize(nowUs)
        return (next, wrong)
    }

    private mutating func enqueue(_ job: Int, _ fate: Fate) -> [String] {
        let isKeyTaken = queue.jobs.values.contains(where: \.holdsKey) || !queue.timedKeys.isEmpty
        guard let outcome = try? queue.enqueue([plan.jobs[job]], atUs: 0).first else { return ["no answer"] }
        var wrong: [String] = []
        switch outcome {
        case .accepted:
            if !taken.insert(job).inserted { wrong.append("job \(job) was accepted twice") }
        case .exists, .repeated:
            if !taken.contains(job) { wrong.append("job \(job) was never accepted, and is said to be there") }
        case .taken, .replaced, .repeatedKey:
            if !isKeyTaken { wrong.append("job \(job) was refused for a key that nobody has") }
        }
        if case .taken = outcome {
            sent[job] = fate == .answered ? .refused : .unconfirmed
        } else {
            sent[job] = fate == .answered ? .accepted : .unconfirmed
        }
        return wrong
    }

    private mutating func claim(_ limit: Int, _ node: Int, _ fate: Fate) {
        if fate != .answered { nodes[node].isUnsure = true }
        guard fate != .requestLost,
            let claimed = try? queue.claim(limit, for: Lab.consumer(node), leaseMs: Self.leaseMs, atUs: 0),
            fate == .answered, let token = claimed.token
        else { return }
        for job in Self.jobs where claimed.ids.contains(Lab.id(job)) {
            nodes[node].beliefs[job] = Belief(token: token, untilMs: Self.leaseMs - 1)
            nodes[node].pending[job] = nil
        }
    }

    private mutating func recover(_ node: Int, _ fate: Fate) {
        guard fate != .requestLost else { return }
        let known = nodes[node].beliefs.map { QueueModel.Claim(id: Lab.id($0.key), token: $0.value.token) }
        let lost = queue.claims(of: Lab.consumer(node)).filter { !known.contains($0) }
        _ = try? queue.release(lost, by: Lab.consumer(node), delayMs: 0, atUs: 0)
        if fate == .answered { nodes[node].isUnsure = false }
    }

    private mutating func extend(_ job: Int, _ node: Int, _ fate: Fate) {
        guard let belief = nodes[node].beliefs[job] else { return }
        let claim = QueueModel.Claim(id: Lab.id(job), token: belief.token)
        let extended = try? queue.extend([(claim, Self.leaseMs)], by: Lab.consumer(node), atUs: 0)
        guard fate == .answered else { return }
        if extended?.refused.isEmpty == true {
            nodes[node].beliefs[job]?.untilMs = Self.leaseMs - 1
        } else {
            nodes[node].beliefs[job] = nil
        }
    }

    /// Whatever comes of it, the node has stopped running the job. Without a reply it will say so again.
    private mutating func settle(_ command: Command, _ fate: Fate) {
        guard let (job, node) = Self.subject(of: command),
            let token = nodes[node].beliefs[job]?.token ?? nodes[node].pending[job]?.token
        else { return }
        nodes[node].beliefs[job] = nil
        nodes[node].pending[job] = fate == .answered ? nil : Pending(token: token, command: command)
        guard fate != .requestLost else { return }
        let claim = QueueModel.Claim(id: Lab.id(job), token: token), consumer = Lab.consumer(node)
        switch command {
        case .ack:
            if (try? queue.ack([claim], by: consumer).accepted) == 1 { acked.insert(job) }
        case .nack(_, let verdict, let delayMs, let maxFailures, _):
            let nack = QueueModel.Nack(claim, verdict, delayMs: delayMs, maxFailures: maxFailures, reason: "")
            _ = try? queue.nack([nack], by: consumer, atUs: 0)
        case .release(_, let delayMs, _):
            _ = try? queue.release([claim], by: consumer, delayMs: delayMs, atUs: 0)
        default: break
        }
    }

    private static func subject(of command: Command) -> (job: Int, node: Int)? {
        switch command {
        case .ack(.jobs(let jobs, _), let node): (jobs[0], node)
        case .nack(.jobs(let jobs, _), _, _, _, let node): (jobs[0], node)
        case .release(.jobs(let jobs, _), _, let node): (jobs[0], node)
        default: nil
        }
    }

    private mutating func tell(_ consumer: (ConsumerID) -> ConsumerID) {
        queue = queue.canonical(atUs: 0, rank: { $0 }, consumer: consumer)
    }

    private mutating func normalize(_ nowUs: Int64) {
        var tokens: Set<Token> = [queue.lastToken]
        for job in Self.jobs { if let lease = queue.lease(of: Lab.id(job)) { tokens.insert(lease.token) } }
        for node in nodes {
            tokens.formUnion(node.beliefs.values.map(\.token))
            tokens.formUnion(node.pending.values.map(\.token))
        }
        let order = tokens.sorted()
        func rank(_ token: Token) -> Token { Token(rawValue: Int64((order.firstIndex(of: token) ?? 0) + 1)) }
        queue = queue.canonical(atUs: nowUs, rank: rank, consumer: { $0 })
        _ = queue.takeMark()
        for index in nodes.indices {
            nodes[index].beliefs = nodes[index].beliefs.mapValues {
                Belief(token: rank($0.token), untilMs: max(0, $0.untilMs - nowUs / 1000))
            }
            nodes[index].pending = nodes[index].pending.mapValues {
                Pending(token: rank($0.token), command: $0.command)
            }
        }
    }
}
