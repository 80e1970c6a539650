import NIOCore
package import StintCore
package import StintRedis
import StintStore
package import StintTesting

/// One queue, in Redis and as a model, under the same commands at the same times.
package final class Lab {
    let server: RedisServer
    let store: Store
    let queue: QueueName
    private let clock: any TestClock
    package private(set) var model = QueueModel()
    package private(set) var nowUs: Int64 = 1_800_000_000_000_000
    var beliefs = Beliefs()
    private var witness = Witness()
    /// `nil` = the queue tells of no events.
    var listener: Listener?

    package init(_ server: RedisServer, _ client: RedisClient, clock: any TestClock) throws {
        self.server = server
        self.clock = clock
        store = Store(client: client, keys: try Keys(), stage: clock.stage)
        queue = try QueueName(RedisServer.uniqueQueue("model"))
        witness.sight = Sight(of: model)
    }

    // The search asks for them millions of times.
    private static let consumers = (0..<64).compactMap { ConsumerID(parsing: "node:\($0)/0") }
    private static let ids = (0..<1000).map { JobID(unchecked: "\($0)") }

    static func consumer(_ node: Int) -> ConsumerID { consumers[node] }

    static let usualType: JobType = "t"

    /// Every fourth job is of a type that a claim of the usual one leaves.
    static func type(_ number: Int) -> JobType { number % 4 == 3 ? "u" : usualType }

    /// Numbers from 1,000 on are minted ids, which rise.
    static func id(_ number: Int) -> JobID {
        number < 1000 ? ids[number] : JobID(unchecked: "m\(1_000_000 + number)")
    }

    /// Lets a step happen on both sides.
    ///
    /// - Returns: in words, where they differ or a rule is broken; empty when all is well.
    package func perform(_ step: Step) async throws -> [String] {
        if step.fate == .requestLost {
            switch step.command {
            case .claim(_, let node, _), .claimUsual(_, let node, _, _): beliefs.isUnsure.insert(node)
            default: break
            }
            return []
        }
        let happening = try await happen(step)
        let sight = try await Sight.look(at: queue, store, expecting: Array(model.jobs.keys))
        var wrong =
            happening.expected == happening.found
            ? [] : ["the reply: Redis says \(happening.found), the model \(happening.expected)"]
        wrong += sight.differences(from: Sight(of: model))
        wrong += witness.judge(happening, sight, nowMs: nowUs / 1000)
        wrong += try await heard(sight)
        return wrong
    }

    /// What a check of the queue finds: nothing, after whole scripts (I19).
    func fsck() async throws -> [String] {
        var found: [String] = []
        for part in Store.fsckParts {
            var cursor: String? = "0"
            while let at = cursor {
                let step = try await store.fsck(1000, of: part, from: at, on: queue, mends: false)
                found += step.findings.map { "fsck: \($0.problem) \($0.id)" }
                cursor = step.next
            }
        }
        return found
    }

    package func removeQueue() async throws {
        let command = """
            for _, name in ipairs({ 'ready', 'scheduled', 'leased', 'dead', 'done', 'done_before', 'cancelled', 'jobs',
                'leases', 'tries', 'history', 'cancels', 'places', 'estimates', 'meta', 'wake', 'unique', 'unique_of', 'unique_until', 'effects',
                'events', 'ends', 'results', 'results_until', 'progress', 'checkpoints' }) do
                redis.call('UNLINK', KEYS[1] .. name)
            end
            """
        var eval = RedisCommand("EVAL")
        eval.append(contentsOf: [command, "1", store.keys.queue(queue)])
        _ = try await store.client.send(eval)
    }

    private func happen(_ step: Step) async throws -> Happening {
        switch step.command {
        case .pass(let us):
            nowUs = max(1_000_000_000_000_000, nowUs + us)
        case .passTo(let moment, let us):
            let first = model.firstUs(moment == .due ? .scheduled : .leased)
            // Only forwards, and no further than a week.
            if let first, first + us > nowUs { nowUs = min(first + us, nowUs + 604_800_000_000) }
        default: break
        }
        try clock.set(us: nowUs)
        let isAnswered = step.fate == .answered
        return switch step.command {
        case .enqueue, .cancel, .redrive, .edit, .change, .setOrder, .learn, .purge, .trim, .pause:
            try await control(step.command)
        case .claim, .claimUsual, .ack, .nack, .extend, .release, .once, .recover:
            try await lease(step.command, isAnswered: isAnswered)
        case .answer, .note, .trimResults: try await results(step.command)
        case .reap, .promote, .expel, .look, .takeMark: try await upkeep(step.command)
        case .pass, .passTo: Happening()
        case .flushScripts, .restart: try await disturb(step.command)
        }
    }

    private func disturb(_ command: Command) async throws -> Happening {
        if command == .flushScripts {
            var flush = RedisCommand("SCRIPT")
            flush.append("FLUSH")
            _ = try await store.client.send(flush)
            return Happening()
        }
        // What was written has to be on the disk: without it a slow disk may lose some of it, with no fault of the scripts.
        var always = RedisCommand("CONFIG")
        always.append(contentsOf: ["SET", "appendfsync", "always"])
        _ = try await store.client.send(always)
        var write = RedisCommand("HSET")
        write.append(contentsOf: [store.keys.meta(queue), "schema", "1"])
        _ = try await store.client.send(write)
        try await server.restart()
        let client = store.client
        _ = await eventually { (try? await client.send(RedisCommand("PING"), timeout: .seconds(5))) != nil }
        return Happening()
    }
}

extension Lab {
    /// Runs both sides of a command, which change `self.model` and Redis, and takes refusals for answers.
    func answer<Found>(
        _ kind: Happening.Kind, _ model: (inout QueueModel) throws -> String, _ redis: (Store) async throws -> Found,
        _ told: (Found) -> String
    ) async throws -> (Happening, Found?) {
        var happening = Happening(kind: kind)
        let found: Found?
        do {
            let reply = try await redis(store)
            happening.found = told(reply)
            found = reply
        } catch let error as StintError where error.message.contains("STINT_ARGUMENTS") {
            happening.found = Happening.refusal
            found = nil
        }
        happening.expected = try changeModel(model)
        return (happening, found)
    }

    private func changeModel(_ body: (inout QueueModel) throws -> String) throws -> String {
        let before = model
        do {
            return try body(&model)
        } catch is QueueModel.Malformed {
            model = before
            return Happening.refusal
        }
    }
}

/// What a step was, and what both sides said of it.
struct Happening {
    enum Kind {
        case other
        case enqueue([(JobID, EnqueueOutcome)], dueMs: [Int64])
        case claim(Claim?, lease: Int64)
        case ack([Held], Settlement?)
        case nack([Nack], [NackOutcome])
        case release([Held], Settlement?, delayMs: Int64)
        case reap([Lapse])
        case redrive([JobID])
        case change([JobID], [ChangeOutcome], dueMs: Int64?)
        case forget
    }

    static let refusal = "refused"

    var kind = Kind.other
    var expected = "", found = ""
}

/// What nodes were told, and believe.
struct Beliefs {
    /// Everything that a node was ever given, in that order.
    private(set) var given: [JobID: [(token: Token, node: Int)]] = [:]
    /// What each believes to hold.
    private(set) var held: [Int: [Held]] = [:]
    /// Nodes that sent a claim and got no reply.
    var isUnsure: Set<Int> = []

    mutating func give(_ jobs: [Held], to node: Int) {
        for job in jobs { given[job.id, default: []].append((job.token, node)) }
        held[node, default: []] += jobs
        if held[node, default: []].count > 3000 { held[node]?.removeFirst(1000) }
    }

    mutating func drop(_ jobs: [Held], of node: Int) {
        let gone = Set(jobs)
        held[node]?.removeAll { gone.contains($0) }
    }

    func resolve(_ pick: Pick, _ node: Int) -> [Held] {
        switch pick {
        case .jobs(let numbers, let which):
            return numbers.map { Held(id: Lab.id($0), token: token(Lab.id($0), which, node)) }
        case .believed(let limit):
            let known = Array(held[node, default: []].prefix(limit))
            if limit < 900 { return known }
            return known
                + (known.count..<limit).map { Held(id: JobID(unchecked: "nobody-\($0)"), token: Token(rawValue: 7)) }
        }
    }

    private func token(_ id: JobID, _ which: Which, _ node: Int) -> Token {
        let all = given[id] ?? []
        let found: Token? =
            switch which {
            case .own: all.last { $0.node == node }?.token
            case .newest: all.last?.token
            case .older: all.dropLast().last?.token
            case .invented: nil
            }
        return found ?? Token(rawValue: 1)
    }
}
