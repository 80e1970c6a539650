import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LapseConformanceTests {
    @Test(arguments: Kind.allCases)
    func `a lease runs out at its deadline, to the µs`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        _ = try await stage.claim(lease: .milliseconds(10))
        stage.setUs(Stage.startUs + 9_999)
        let early = try await stage.reap()
        #expect(early.lapses.isEmpty && early.lapseIn == .microseconds(1))
        stage.setUs(Stage.startUs + 10_000)
        let reaping = try await stage.reap()
        #expect(reaping.serverMs == Stage.startUs / 1000 + 10 && reaping.lapseIn == nil)
        let lapse = try #require(reaping.lapses.first)
        #expect(lapse.id.rawValue == "a" && lapse.token == Token(rawValue: Stage.startUs))
        #expect(lapse.consumer == stage.me && lapse.outcome == .ready && lapse.lapses == 1)
        let tries = try await stage.detail("a").tries
        #expect(tries.lapses == 1 && tries.failures == 0 && tries.reason == "lapsed: held by \(stage.me)")
    }

    @Test(arguments: Kind.allCases)
    func `lapsed jobs stand before the others, in the order of their deadlines`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("b", lease: .milliseconds(20))
        try await stage.enqueue("a", lease: .milliseconds(10))
        _ = try await stage.claim()
        try await stage.enqueue("waiting")
        stage.at(ms: 20)
        _ = try await stage.reap()
        #expect(try await stage.ids(.ready) == ["a", "b", "waiting"])
        #expect(try await stage.stats().lapsedTotal == 2)
    }

    @Test(arguments: Kind.allCases)
    func `a reap takes at most its limit, the earliest first`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("b", lease: .milliseconds(20))
        try await stage.enqueue("a", lease: .milliseconds(10))
        _ = try await stage.claim()
        stage.at(ms: 20)
        let first = try await stage.reap(1)
        #expect(first.lapses.map(\.id.rawValue) == ["a"] && first.lapseIn == .zero)
        #expect(try await stage.reap(1).lapses.map(\.id.rawValue) == ["b"])
        #expect(try await stage.reap(1).lapses.isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `the last lapse buries a job as poison, its own limit before that of the call`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("own", maxLapses: 1)
        try await stage.enqueue("call")
        for round in 1...2 {
            _ = try await stage.claim(lease: .milliseconds(10))
            stage.at(ms: Int64(round) * 10)
            let lapses = try await stage.reap(maxLapses: 2).lapses
            let outcomes = Dictionary(uniqueKeysWithValues: lapses.map { ($0.id.rawValue, $0.outcome) })
            #expect(outcomes == (round == 1 ? ["own": .dead, "call": .ready] : ["call": .dead]))
        }
        let dead = try await stage.detail("call")
        #expect(dead.state == .dead && dead.tries.lapses == 2)
        #expect(dead.tries.reason == "poison: its lease ran out 2 times, last held by \(stage.me)")
        #expect(try await stage.stats().deadTotal == 2)
    }

    @Test(arguments: Kind.allCases)
    func `a job that somebody wants cancelled ends as cancelled by its lapse`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        _ = try await stage.claim(lease: .milliseconds(10))
        _ = try await stage.cancel("a")
        stage.at(ms: 10)
        #expect(try await stage.reap().lapses.map(\.outcome) == [.cancelled])
        #expect(try await stage.state("a") == .cancelled)
    }

    @Test(arguments: Kind.allCases)
    func `the leases of a consumer that is gone run out at once`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        _ = try await stage.claim(2)
        _ = try await stage.claim(1, for: stage.other)
        #expect(try await stage.store.expel(stage.me, from: stage.queue) == 2)
        #expect(try await stage.reap(gone: stage.me).lapses.map(\.id.rawValue).sorted() == ["a", "b"])
        #expect(
            try await stage.detail("a").tries.reason == "lapsed: held by \(stage.me), whose connection was gone")
        #expect(try await stage.ids(.leased) == ["c"])
        #expect(try await stage.store.expel(stage.me, from: stage.queue) == 0)
    }

    @Test(arguments: Kind.allCases)
    func `malformed reaps are refused`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.expectRefused("reap") { _ = try await stage.reap(0) }
        #expect(try await stage.reap(5000).lapses.isEmpty)
    }
}
