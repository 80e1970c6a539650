import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ControlConformanceTests {
    @Test(arguments: Kind.allCases)
    func `a cancel works in every state`(kind: Kind) async throws {
        let expected: [JobState: (CancelOutcome, JobState)] = [
            .scheduled: (.cancelled, .cancelled), .ready: (.cancelled, .cancelled), .leased: (.requested, .leased),
            .done: (.done, .done), .dead: (.cancelled, .cancelled), .cancelled: (.cancelled, .cancelled),
        ]
        for (state, answer) in expected {
            let stage = try await Stage(kind)
            try await stage.bring("a", to: state)
            #expect(try await stage.cancel("a", "unknown", reason: "why") == [answer.0, .unknown], "\(state)")
            #expect(try await stage.state("a") == answer.1, "\(state)")
        }
    }

    @Test(arguments: Kind.allCases)
    func `a cancelled job keeps its tries and says why`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        _ = try await stage.nack(try await stage.held()[0])
        stage.at(ms: 8)
        _ = try await stage.cancel("a", reason: "why")
        let detail = try await stage.detail("a")
        #expect(
            detail.tries == Tries(failures: 1, lapses: 0, lastMs: Stage.startUs / 1000 + 8, reason: "cancelled: why"))
        #expect(detail.whenMs == Stage.startUs / 1000 + 8)
        #expect(try await stage.stats().cancelledTotal == 1)
    }

    @Test(arguments: Kind.allCases)
    func `a cancel tells who runs the jobs, and keeps who wanted it`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        _ = try await stage.claim(1)
        _ = try await stage.claim(1, for: stage.other)
        let ids = ["a", "b", "c"].map { JobID(unchecked: $0) }
        let cancellation = try await stage.store.cancel(ids, on: stage.queue, reason: "why", by: "ada")
        #expect(cancellation.outcomes == [.requested, .requested, .cancelled])
        #expect(cancellation.holders == [stage.me, stage.other])
        #expect(try await stage.detail("a").cancelReason == "by ada: why")
        #expect(try await stage.detail("c").tries.reason == "cancelled: by ada: why")
        #expect(try await stage.cancel("a", reason: "", by: "grace") == [.requested])
        #expect(try await stage.detail("a").cancelReason == "by grace")
    }

    @Test(arguments: Kind.allCases)
    func `every way out of a lease but the ack leads a cancelled job to its end`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("acked", "nacked", "released")
        let held = try await stage.held()
        #expect(try await stage.cancel("acked", "nacked", "released") == [.requested, .requested, .requested])
        #expect(try await stage.ack([held[0]]).accepted == 1)
        #expect(try await stage.nack(held[1]) == .cancelled)
        #expect(try await stage.release([held[2]]).accepted == 1)
        #expect(try await stage.state("acked") == .done)
        #expect(Set(try await stage.ids(.cancelled)) == ["nacked", "released"])
    }

    @Test(arguments: Kind.allCases)
    func `a redrive brings dead and cancelled jobs back, with all their tries before them`(kind: Kind) async throws {
        let expected: [JobState: RedriveOutcome] = [
            .scheduled: .scheduled, .ready: .ready, .leased: .leased, .done: .done, .dead: .ready, .cancelled: .ready,
        ]
        for (state, outcome) in expected {
            let stage = try await Stage(kind)
            try await stage.bring("a", to: state)
            #expect(try await stage.redrive("a", "unknown") == [outcome, .unknown], "\(state)")
            #expect(try await stage.state("a")?.rawValue == outcome.rawValue, "\(state)")
            let isBack = state == .dead || state == .cancelled
            #expect(try await stage.stats().redrivenTotal == (isBack ? 1 : 0))
            if isBack { #expect(try await stage.detail("a").tries == .none) }
        }
    }

    @Test(arguments: Kind.allCases)
    func `a purge deletes jobs of one state, in its order`(kind: Kind) async throws {
        for state in JobState.allCases where state != .leased {
            let stage = try await Stage(kind)
            for id in ["a", "b", "c"] { try await stage.bring(id, to: state) }
            #expect(try await stage.store.purge(2, state, on: stage.queue) == 2, "\(state)")
            #expect(try await stage.ids(state).count == 1)
            if state != .done { #expect(try await stage.ids(state) == ["c"]) }
            #expect(try await stage.store.purge(2, state, on: stage.queue) == 1)
            #expect(try await stage.store.purge(2, state, on: stage.queue) == 0)
            #expect(try await stage.enqueue("a") == [.accepted])
        }
    }

    @Test(arguments: Kind.allCases)
    func `a trim forgets what ended too long ago, or is too much`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        for (at, id) in ["a", "b", "c", "d"].enumerated() {
            stage.at(ms: Int64(at) * 1000)
            try await stage.bring(id, to: .dead)
        }
        stage.at(ms: 3000)
        func trim(_ limit: Int, _ age: Duration, _ count: Int) async throws -> [Int] {
            let kept = Retention(age: age, count: count)
            return try await stage.store.trim(limit, on: stage.queue, keeping: [(.dead, kept), (.cancelled, kept)])
        }
        #expect(try await trim(1000, .seconds(3), 4) == [0, 0])
        #expect(try await trim(1000, .milliseconds(2999), 4) == [1, 0])
        #expect(try await trim(1, .zero, 0) == [1, 0])
        #expect(try await trim(1000, .seconds(9), 1) == [1, 0])
        #expect(try await stage.ids(.dead) == ["d"])
    }

    @Test(arguments: Kind.allCases)
    func `done ids are forgotten by generations`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        let kept = [(JobState.done, Retention(age: .seconds(600), count: 100))]
        func trim(at seconds: Int64) async throws -> [Int] {
            stage.at(ms: seconds * 1000)
            return try await stage.store.trim(1000, on: stage.queue, keeping: kept)
        }
        try await stage.bring("a", to: .done)
        #expect(try await trim(at: 60) == [0])
        #expect(try await trim(at: 660) == [0])
        try await stage.bring("b", to: .done)
        #expect(try await stage.enqueue("a") == [.exists(.done)])
        #expect(try await trim(at: 720) == [0])
        #expect(try await trim(at: 1320) == [1])
        #expect(try await stage.enqueue("a", "b") == [.accepted, .exists(.done)])
    }

    @Test(arguments: Kind.allCases)
    func `malformed calls are refused`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.bring("dead", to: .dead)
        let store = stage.store, queue = stage.queue
        let many = (0..<1001).map { JobID(unchecked: "\($0)") }
        let none = Retention(age: .zero, count: 0)
        try await stage.expectRefused("cancel") { _ = try await store.cancel(many, on: queue, reason: "", by: "") }
        try await stage.expectRefused("redrive") { _ = try await store.redrive(many, on: queue) }
        try await stage.expectRefused("purge") { _ = try await store.purge(0, .ready, on: queue) }
        try await stage.expectRefused("purge") { _ = try await store.purge(1, .leased, on: queue) }
        try await stage.expectRefused("trim") { _ = try await store.trim(0, on: queue, keeping: [(.dead, none)]) }
        try await stage.expectRefused("trim") {
            _ = try await store.trim(10, on: queue, keeping: [(.dead, none), (.ready, none)])
        }
        try await stage.expectRefused("show") { _ = try await stage.reader.jobs(many, on: queue) }
        #expect(try await store.cancel([], on: queue, reason: "", by: "").outcomes.isEmpty)
        #expect(try await store.redrive([], on: queue).isEmpty)
        #expect(try await store.trim(0, on: queue, keeping: []).isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `a thousand jobs are cancelled, looked up and redriven in a call`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        let ids = (0..<1000).map { JobID(unchecked: "\(10_000 + $0)") }
        try await stage.enqueue(ids.map { stage.job($0.rawValue) })
        let cancelled = try await stage.store.cancel(ids, on: stage.queue, reason: "", by: "")
        #expect(cancelled.outcomes == Array(repeating: .cancelled, count: 1000))
        #expect(try await stage.reader.jobs(ids, on: stage.queue).allSatisfy { $0.state == .cancelled })
        let redriven = try await stage.store.redrive(ids, on: stage.queue)
        #expect(redriven == Array(repeating: .ready, count: 1000))
    }
}
