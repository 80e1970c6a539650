import Foundation
import NIOCore
import StintCore
import StintStore
import StintTesting
import Testing

/// Random operations on a small queue, most of them late, repeated or by the wrong one. After each of them the queue has
/// to be in order, and every job has to have gone only where the table of transitions lets it go.
@Suite(.timeLimit(.minutes(5)))
struct RandomHistoryTests {
    @Test func `a random history keeps every rule after each step, and takes every transition of the table`()
        async throws
    {
        let seed =
            ProcessInfo.processInfo.environment["STINT_TEST_SEED"].flatMap(UInt64.init) ?? .random(in: 0...UInt64.max)
        try await withQueue { bench in
            var history = RandomHistory(bench, seed: seed)
            try await history.run(2000...20_000)
            let missed = history.missed.map { "\($0.script): \($0.event)" }.sorted()
            #expect(missed == [], "never taken with STINT_TEST_SEED=\(seed)")
        }
    }
}

private struct RandomHistory {
    private let bench: Bench
    private let seed: UInt64
    private var random: SeededGenerator
    private var states: [String: JobState] = [:]
    private var cancelsWanted: Set<String> = []
    /// Everything that was ever claimed, by whom: most of it is not held any more.
    private var claims: [(held: Held, consumer: ConsumerID)] = []
    private var lastToken = Token(rawValue: 0)
    private var log: [String] = []
    /// The transitions of the table that no job has taken yet.
    private(set) var missed = Set(Transition.all)

    init(_ bench: Bench, seed: UInt64) {
        self.bench = bench
        self.seed = seed
        random = SeededGenerator(seed: seed)
    }

    /// As many steps as the lower bound says, and more until every transition was taken.
    mutating func run(_ steps: ClosedRange<Int>) async throws {
        for step in 1...steps.upperBound where step <= steps.lowerBound || !missed.isEmpty {
            let script = try await act()
            let dump = try await bench.dump()
            let wrong = dump.violations() + follow(dump, script)
            guard wrong.isEmpty else {
                Issue.record(
                    "step \(step): \(wrong.joined(separator: "; ")). STINT_TEST_SEED=\(seed). Last: \(log.suffix(12).joined(separator: ", "))"
                )
                return
            }
        }
    }

    // MARK: Acting

    private mutating func act() async throws -> String {
        let script: String
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<18: script = try await enqueue()
        case 18..<36: script = try await claim()
        case 36..<44: script = try await ack()
        case 44..<58: script = try await nack()
        case 58..<64: script = try await extend()
        case 64..<72: script = try await release()
        case 72..<80: script = try await pass()
        case 80..<84: script = try await reap()
        case 84..<86: script = try await change()
        case 86..<88: script = try await promote()
        case 88..<93: script = try await cancel()
        case 93..<96: script = try await redrive()
        default: script = try await tidy()
        }
        log.append(script)
        return script
    }

    private mutating func enqueue() async throws -> String {
        let due: Due = Bool.random(using: &random) ? .now : .after(.seconds(Int64.random(in: 1...30, using: &random)))
        var jobs: [NewJob] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let id = "\(Int.random(in: 0..<40, using: &random))"
            var job = try bench.job(
                id, priority: Int.random(in: -1...1, using: &random),
                due: Int.random(in: 0..<4, using: &random) == 0 ? .now : due,
                maxLapses: Int.random(in: 1...3, using: &random))
            if Int.random(in: 0..<5, using: &random) == 0 {
                job.header.startBy = .after(.seconds(Int64.random(in: 0...30, using: &random)))
            }
            jobs.append(job)
        }
        let outcomes = try await bench.store.enqueue(jobs, on: bench.queue)
        var known = Set(states.keys)
        for (job, outcome) in zip(jobs, outcomes) {
            #expect(
                outcome.isAccepted == known.insert(job.id.rawValue).inserted,
                "enqueue \(job.id), STINT_TEST_SEED=\(seed)")
        }
        return "enqueue"
    }

    private mutating func claim() async throws -> String {
        let consumer = Bool.random(using: &random) ? bench.me : bench.other
        let lease = Duration.seconds(Int64.random(in: 5...20, using: &random))
        let claim = try await bench.claim(Int.random(in: 1...6, using: &random), for: consumer, lease: lease)
        if let token = claim.token {
            #expect(token > lastToken, "tokens rise, STINT_TEST_SEED=\(seed)")
            lastToken = token
        }
        claims += claim.held.map { ($0, consumer) }
        claims = claims.suffix(60)
        return "claim"
    }

    /// Some claims of one consumer, most of them lately; sometimes shown by the wrong one.
    private mutating func someClaims() -> (jobs: [Held], consumer: ConsumerID) {
        var consumer = Bool.random(using: &random) ? bench.me : bench.other
        let own = claims.suffix(15).filter { $0.consumer == consumer }.map(\.held)
        let jobs = own.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random))
        if Int.random(in: 0..<8, using: &random) == 0 { consumer = consumer == bench.me ? bench.other : bench.me }
        return (Array(jobs), consumer)
    }

    /// Of some claims, those which the dump of the last step and the tokens say are held.
    private func isHeld(_ job: Held, by consumer: ConsumerID) -> Bool {
        states[job.id.rawValue] == .leased
            && claims.last { $0.held.id == job.id }.map { $0.held == job && $0.consumer == consumer } == true
    }

    private mutating func ack() async throws -> String {
        let (jobs, consumer) = someClaims()
        let answers = jobs.map { Answer($0, keep: .seconds(60), result: ByteBuffer(string: "result")) }
        let isAnswer = !answers.isEmpty && Bool.random(using: &random)
        let settlement =
            isAnswer
            ? try await bench.store.answer(answers, on: bench.queue, by: consumer)
            : try await bench.store.ack(jobs, on: bench.queue, by: consumer)
        #expect(settlement.accepted == jobs.count { isHeld($0, by: consumer) }, "ack, STINT_TEST_SEED=\(seed)")
        return isAnswer ? "answer" : "ack"
    }

    private mutating func nack() async throws -> String {
        let (jobs, consumer) = someClaims()
        var nacks: [Nack] = []
        for job in jobs {
            let verdict =
                ([.retry, .retry, .retry, .reject, .cancel] as [Nack.Verdict]).randomElement(using: &random) ?? .retry
            let delay = Duration.seconds(Bool.random(using: &random) ? 0 : Int64.random(in: 1...30, using: &random))
            nacks.append(
                Nack(job, verdict, delay: delay, maxFailures: Int.random(in: 1...4, using: &random), reason: "random"))
        }
        let outcomes = try await bench.store.nack(nacks, on: bench.queue, by: consumer)
        for (job, outcome) in zip(jobs, outcomes) {
            let isRefused = outcome == .refused(.gone) || outcome == .refused(.stale)
            #expect(isRefused != isHeld(job, by: consumer), "nack \(job.id), STINT_TEST_SEED=\(seed)")
        }
        return "nack"
    }

    private mutating func extend() async throws -> String {
        let (jobs, consumer) = someClaims()
        let lease = Duration.seconds(Int64.random(in: 5...20, using: &random))
        let answer = try await bench.store.extend(jobs.map { ($0, lease) }, on: bench.queue, by: consumer)
        let held = jobs.filter { isHeld($0, by: consumer) }.map(\.id.rawValue)
        #expect(answer.refused.count == jobs.count - held.count, "extend, STINT_TEST_SEED=\(seed)")
        #expect(
            Set(answer.cancels.map(\.id.rawValue)) == cancelsWanted.intersection(held),
            "extend, STINT_TEST_SEED=\(seed)")
        return "extend"
    }

    private mutating func release() async throws -> String {
        let (jobs, consumer) = someClaims()
        let delay = Duration.seconds(Bool.random(using: &random) ? 0 : 10)
        let settlement = try await bench.store.release(jobs, on: bench.queue, by: consumer, delay: delay)
        #expect(settlement.accepted == jobs.count { isHeld($0, by: consumer) }, "release, STINT_TEST_SEED=\(seed)")
        return "release"
    }

    private mutating func pass() async throws -> String {
        try await bench.advance(by: .seconds(Int64.random(in: 1...15, using: &random)))
        return "time"
    }

    private mutating func reap() async throws -> String {
        _ = try await bench.store.reap(Int.random(in: 1...10, using: &random), from: bench.queue)
        return "reap"
    }

    private mutating func promote() async throws -> String {
        _ = try await bench.store.promote(Int.random(in: 1...10, using: &random), on: bench.queue, for: bench.me)
        return "promote"
    }

    private mutating func someIDs() throws -> [JobID] {
        var ids: [JobID] = []
        for _ in 0..<3 { ids.append(try JobID("\(Int.random(in: 0..<40, using: &random))")) }
        return ids
    }

    private mutating func cancel() async throws -> String {
        _ = try await bench.store.cancel(try someIDs(), on: bench.queue, reason: "random")
        return "cancel"
    }

    private mutating func redrive() async throws -> String {
        _ = try await bench.store.redrive(try someIDs(), on: bench.queue)
        return "redrive"
    }

    private mutating func change() async throws -> String {
        let due: Due = Bool.random(using: &random) ? .now : .after(.seconds(Int64.random(in: 1...30, using: &random)))
        let ids = try someIDs()
        let outcomes = try await bench.store.change(
            ids, on: bench.queue, priority: Bool.random(using: &random) ? nil : 1, due: due)
        for (id, outcome) in zip(ids, outcomes) {
            let waits = [.ready, .scheduled].contains(states[id.rawValue])
            #expect((outcome == .changed) == waits, "change \(id), STINT_TEST_SEED=\(seed)")
        }
        return "change"
    }

    private mutating func tidy() async throws -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let bound = Retention(age: .seconds(60), count: 3)
            _ = try await bench.store.trim(
                5, on: bench.queue, keeping: [(.done, bound), (.dead, bound), (.cancelled, bound)])
            return "trim"
        case 1:
            let state =
                ([.ready, .scheduled, .dead, .done, .cancelled] as [JobState]).randomElement(using: &random) ?? .done
            _ = try await bench.store.purge(2, state, on: bench.queue)
            return "purge"
        default:
            try await bench.store.pause(Int.random(in: 0..<4, using: &random) == 0, bench.queue)
            return "pause"
        }
    }

    // MARK: Judging

    /// Takes over what the queue holds now.
    ///
    /// - Returns: the ways that the table does not have.
    private mutating func follow(_ dump: Dump, _ script: String) -> [String] {
        let new = dump.states
        var wrong: [String] = []
        for id in Set(states.keys).union(new.keys).sorted() {
            let (from, to) = (states[id], new[id])
            guard from != to else { continue }
            guard let to else {
                let mayGo =
                    script == "purge" ? from != .leased : script == "trim" && [.done, .dead, .cancelled].contains(from)
                if !mayGo { wrong.append("\(script) made \(id) vanish from \(from?.rawValue ?? "-")") }
                continue
            }
            // A claim takes a due job to ready and on to leased, or to dead when it comes too late.
            let ways =
                script == "claim" && from == .scheduled && (to == .leased || to == .dead)
                ? [(from, JobState.ready), (.ready, to)] : [(from, to)]
            for way in ways {
                let found = Transition.all.filter { $0.from == way.0 && $0.to == way.1 && $0.script == script }
                if found.isEmpty {
                    wrong.append("\(script) took \(id) from \(way.0?.rawValue ?? "-") to \(way.1.rawValue)")
                }
                missed.subtract(found)
            }
        }
        states = new
        cancelsWanted = dump.cancels
        return wrong
    }
}
