import StintCore
import StintStore
import StintTesting

/// Draws the next step, mostly one that comes too late, too early, twice, or from the wrong one.
struct Generator {
    private var random: SeededGenerator
    private let isLarge: Bool
    private let restarts: Bool
    private var lastMinted = 1000
    private var last: Step?
    private var isFirst = true

    /// - Parameters:
    ///   - isLarge: with jobs by the thousand; `nil` = one history in a hundred is.
    ///   - restarts: whether the server may be killed.
    init(seed: UInt64, isLarge: Bool?, restarts: Bool) {
        random = SeededGenerator(seed: seed)
        let isLargeByChance = random.once(in: 100)
        self.isLarge = isLarge ?? isLargeByChance
        self.restarts = restarts
    }

    /// Large histories are short: each of their steps is as long as a hundred others.
    func length(_ steps: Int) -> Int { isLarge ? max(1, steps / 4) : steps }

    mutating func next(_ model: QueueModel, nowMs: Int64) -> Step {
        defer { isFirst = false }
        // Half of the histories are those of queues with another order than the default.
        if isFirst, random.once(in: 2) { return Step(.setOrder(order())) }
        if var last, random.once(in: 12) {
            // Who got no reply says the same again.
            if case .enqueue(let batches) = last.command {
                last.command = .enqueue(
                    batches.map { batch in
                        var batch = batch
                        batch.isFresh = false
                        return batch
                    })
            }
            self.last = nil
            return Step(last.command)
        }
        let step = Step(command(model, nowMs), fate())
        last = step
        return step
    }

    private mutating func fate() -> Fate {
        switch random.below(20) {
        case 0: .requestLost
        case 1, 2: .replyLost
        default: .answered
        }
    }

    private mutating func command(_ model: QueueModel, _ nowMs: Int64) -> Command {
        if model.order == .shortest, random.once(in: 12) { return learn() }
        return switch random.below(100) {
        case 0..<16: enqueue()
        case 16..<28: .claim(limit(4), by: node(), leaseMs: ms(1...8))
        case 28..<32: .claimUsual(limit(4), by: node(), leaseMs: ms(1...8), from: random.one(of: [0, 0, 1, 2, 5, -1]))
        case 32..<62: settle(model)
        case 62..<76: time()
        case 76..<83: .reap(limit(3), maxLapses: 1 + random.below(3))
        case 83..<85: .promote(limit(3), by: node())
        case 85..<88: .cancel(numbers(model))
        case 88..<91: .redrive(numbers(model))
        case 91: .edit(random.once(in: 2) ? numbers(model) : [random.below(30)], random.below(1000))
        default: seldom(model, nowMs)
        }
    }

    private mutating func seldom(_ model: QueueModel, _ nowMs: Int64) -> Command {
        switch random.below(27) {
        case 25, 26: learn()
        case 0: .purge(limit(3), random.one(of: [.ready, .scheduled, .dead, .done, .cancelled, .leased]))
        case 1, 2: trim(model, nowMs)
        case 3: .pause(true)
        case 4, 5: .pause(false)
        case 6: .expel(node())
        case 7: .look(by: node())
        case 8...10: .takeMark
        case 11: .recover(by: node())
        case 12: .flushScripts
        case 13...16: trim(model, nowMs)
        case 17, 18: .setOrder(order())
        case 19...21:
            .change(
                numbers(model), priority: random.once(in: 3) ? nil : random.below(3) - 1,
                due: random.once(in: 2) ? nil : due())
        case 22: .trimResults(limit(3), keep: random.below(4))
        default: restarts && random.once(in: 30) ? .restart : .takeMark
        }
    }

    /// Mostly at the age of the oldest, a millisecond more or less.
    private mutating func trim(_ model: QueueModel, _ nowMs: Int64) -> Command {
        let state = random.one(of: [JobState.done, .dead, .cancelled])
        let sinceMs = state == .done ? model.doneSinceMs : model.firstMs(state)
        let keepMs = random.once(in: 3) ? ms(0...20) : max(0, nowMs - (sinceMs ?? nowMs) + ms(-1...1))
        return .trim(limit(3), state, keepMs: keepMs, keep: random.one(of: [0, 1, 3, 100, 100, 100]))
    }

    // MARK: Jobs

    private mutating func enqueue() -> Command {
        if isLarge, random.once(in: 2) {
            let count = random.one(of: [999, 1000, 1001, 500])
            let first = random.one(of: [2000, 2500, 4000])
            return .enqueue([Batch(ids: Array(first..<first + count), due: due(), priority: random.below(2))])
        }
        if random.once(in: 40) { return .enqueue([]) }
        return .enqueue((0...random.below(2)).map { _ in batch() })
    }

    private mutating func batch() -> Batch {
        var batch = Batch(ids: [], due: due(), priority: random.below(3) - 1)
        if random.once(in: 4) {
            batch.isFresh = true
            let count = 1 + random.below(3)
            batch.ids = (1...count).map { lastMinted + $0 }
            lastMinted += count
        } else {
            batch.ids = (0...random.below(3)).map { _ in random.below(30) }
        }
        if random.once(in: 3) {
            batch.key = random.below(4)
            batch.span = random.one(of: [.done, .done, .started, .ms(ms(1...12))])
            batch.replaces = random.once(in: 2)
        }
        if random.once(in: 5) { batch.leaseMs = ms(1...12) }
        if random.once(in: 4) { batch.maxLapses = 1 + random.below(3) }
        if random.once(in: 8) { batch.startBy = due() }
        if random.once(in: 3) { batch.deadline = due() }
        if random.once(in: 2) { batch.estimateMs = random.one(of: [1, 2, 10, 11, 1000, 600_000_000_000]) }
        // Not of minted ids: such jobs are looked up.
        if !batch.isFresh, random.once(in: 4) { batch.retryForMs = ms(0...12) }
        return batch
    }

    private mutating func order() -> Order {
        random.one(of: [.priority, .fifo, .lifo, .random, .deadline, .shortest, .aged(ms: 1), .aged(ms: 5)])
    }

    private mutating func learn() -> Command {
        .learn(
            isUsual: random.once(in: 2), runs: random.one(of: [0, 1, 1, 3, 7, 1_000_000]),
            us: random.one(of: [-1, 0, 1, 999, 1000, 11_000, 600_000_000_000_000]))
    }

    private mutating func due() -> Due {
        switch random.below(8) {
        case 0...3: .now
        case 4, 5: .afterMs(ms(0...6))
        default: .atMs(ms(-2...6))
        }
    }

    // MARK: Leases

    private mutating func settle(_ model: QueueModel) -> Command {
        let by = node(), pick = pick(model)
        if random.once(in: 6) { return once(model, by) }
        switch random.below(13) {
        case 0..<3: return .ack(pick, by: by)
        case 10: return .answer(pick, keepMs: ms(0...20), keep: random.below(4), by: by)
        case 11, 12: return .note(pick, isProgress: random.once(in: 2), by: by)
        case 3..<6:
            return .nack(
                pick, random.one(of: [.retry, .retry, .retry, .reject, .cancel]),
                delayMs: random.once(in: 2) ? 0 : ms(1...6), maxFailures: 1 + random.below(4), by: by)
        case 6..<8: return .extend(pick, leaseMs: ms(1...8), by: by)
        default: return .release(pick, delayMs: random.once(in: 2) ? 0 : ms(1...6), by: by)
        }
    }

    /// Now and then so large that there is no room for another.
    private mutating func once(_ model: QueueModel, _ by: Int) -> Command {
        .once(
            numbers(model).first ?? 0, random.one(of: [.own, .own, .own, .newest, .older, .invented]),
            step: random.below(4), size: random.one(of: [nil, 0, 3, 40, 40_000]), by: by)
    }

    private mutating func pick(_ model: QueueModel) -> Pick {
        if isLarge, random.once(in: 3) { return .believed(random.one(of: [999, 1000, 1001])) }
        if random.once(in: 3) { return .believed(random.below(5)) }
        return .jobs(numbers(model), random.one(of: [.own, .own, .own, .newest, .older, .invented]))
    }

    /// Leased ones for choice.
    private mutating func numbers(_ model: QueueModel) -> [Int] {
        if isLarge, random.once(in: 6) { return Array(2000..<2000 + random.one(of: [999, 1000, 1001])) }
        let leased = random.once(in: 3) ? [] : model.ids(.leased).prefix(20).map(Self.number)
        return (0..<random.one(of: [0, 1, 1, 2, 3])).map { _ in
            leased.isEmpty ? (random.once(in: 6) ? 1000 + random.below(20) : random.below(30)) : random.one(of: leased)
        }
    }

    private static func number(_ id: JobID) -> Int {
        id.rawValue.hasPrefix("m") ? (Int(id.rawValue.dropFirst()) ?? 0) - 1_000_000 : Int(id.rawValue) ?? 0
    }

    private mutating func node() -> Int { random.below(3) }

    private mutating func limit(_ usual: Int) -> Int {
        random.once(in: isLarge ? 2 : 25) ? random.one(of: [0, 1, 999, 1000, 1001]) : 1 + random.below(usual)
    }

    // MARK: Time

    /// To the moments at which something changes, a millisecond or less before and after them; now and then far, or back.
    private mutating func time() -> Command {
        switch random.below(24) {
        case 0..<8: .passTo(.deadline, us: random.one(of: [-1000, -1, 0, 1, 1000]))
        case 8..<14: .passTo(.due, us: random.one(of: [-1000, -1, 0, 1, 1000]))
        case 14..<20: .pass(us: Int64(random.below(3000)))
        case 20, 21: .pass(us: ms(0...10) * 1000)
        case 22: .pass(us: -ms(1...10) * 1000)
        default: .pass(us: random.one(of: [3_600_000_000, -3_600_000_000, 1_000_000]))
        }
    }

    private mutating func ms(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
}
