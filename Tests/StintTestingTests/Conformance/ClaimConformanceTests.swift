import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ClaimConformanceTests {
    @Test(arguments: Kind.allCases)
    func `a claim of nothing has no token, and says when the next job is due`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        let empty = try await stage.claim()
        #expect(empty.token == nil && empty.jobs.isEmpty && !empty.leavesMore && !empty.isPaused)
        #expect(empty.dueIn == nil && empty.lapseIn == nil && empty.serverUs == Stage.startUs)
        try await stage.enqueue("a", due: .after(.milliseconds(30)))
        #expect(try await stage.claim().dueIn == .milliseconds(30))
    }

    @Test(arguments: Kind.allCases)
    func `tokens rise with every claim, and with the clock`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        #expect(try await stage.claim(1).token == Token(rawValue: Stage.startUs))
        #expect(try await stage.claim(1).token == Token(rawValue: Stage.startUs + 1))
        stage.at(ms: 5)
        #expect(try await stage.claim(1).token == Token(rawValue: Stage.startUs + 5000))
    }

    @Test(arguments: Kind.allCases)
    func `a claim says whether more is ready, and otherwise when the next lease runs out`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        let first = try await stage.claim(2, lease: .milliseconds(50))
        #expect(first.leavesMore && first.lapseIn == nil)
        let second = try await stage.claim(2, lease: .milliseconds(70))
        #expect(!second.leavesMore && second.lapseIn == .milliseconds(50))
        #expect(try await stage.stats().lapseIn == .milliseconds(50))
    }

    @Test(arguments: Kind.allCases)
    func `a job's own lease goes before the node's`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("own", lease: .milliseconds(200))
        try await stage.enqueue("node")
        _ = try await stage.claim(lease: .seconds(10))
        #expect(try await stage.detail("own").whenMs == Stage.startUs / 1000 + 200)
        #expect(try await stage.detail("node").whenMs == Stage.startUs / 1000 + 10_000)
    }

    @Test(arguments: Kind.allCases)
    func `due jobs are made ready by a claim, and stand behind those that were`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("late", due: .after(.milliseconds(9)))
        try await stage.enqueue("soon", due: .after(.milliseconds(5)))
        try await stage.enqueue("urgent", priority: 1, due: .after(.milliseconds(9)))
        try await stage.enqueue("ready")
        stage.at(ms: 10)
        #expect(try await stage.claim().ids == ["urgent", "ready", "soon", "late"])
    }

    @Test(arguments: Kind.allCases)
    func `of very many due jobs a claim makes as many ready as it may take, and 200 at least`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue((0..<300).map { stage.job("\(1000 + $0)", due: .after(.milliseconds(1))) })
        stage.at(ms: 1)
        #expect(try await stage.claim(1).leavesMore)
        #expect(try await stage.stats().ready == 199)
        #expect(try await stage.stats().scheduled == 100)
        #expect(try await stage.claim(250).ids.count == 250)
        #expect(try await stage.stats().ready == 49)
    }

    @Test(arguments: Kind.allCases)
    func `a promotion makes due jobs ready, at most its limit`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c", due: .after(.milliseconds(1)))
        try await stage.enqueue("later", due: .after(.milliseconds(5)))
        stage.at(ms: 1)
        let first = try await stage.store.promote(2, on: stage.queue, for: stage.me)
        #expect(first == (2, .zero))
        let second = try await stage.store.promote(2, on: stage.queue, for: stage.me)
        #expect(second == (1, .milliseconds(4)))
        #expect(try await stage.ids(.ready) == ["a", "b", "c"])
    }

    @Test(arguments: Kind.allCases)
    func `a paused queue gives nothing, and goes on with everything else`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b")
        let held = try await stage.held(1)
        #expect(try await stage.store.pause(true, stage.queue))
        #expect(try await !stage.store.pause(true, stage.queue))
        let claim = try await stage.claim()
        #expect(claim.isPaused && claim.token == nil && claim.jobs.isEmpty && claim.lapseIn == .seconds(10))
        #expect(try await stage.stats().isPaused)
        #expect(try await stage.ack(held).accepted == 1)
        #expect(try await stage.enqueue("c") == [.accepted])
        #expect(try await stage.store.pause(false, stage.queue))
        #expect(try await stage.claim().ids == ["b", "c"])
    }

    @Test(arguments: Kind.allCases)
    func `no claim takes more than a thousand`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue((0..<1000).map { stage.job("\(10_000 + $0)") })
        try await stage.enqueue("last")
        let claim = try await stage.claim(5000)
        #expect(claim.jobs.count == 1000 && claim.leavesMore)
        #expect(try await stage.claim(1000).ids == ["last"])
    }

    @Test(arguments: Kind.allCases)
    func `malformed claims and promotions are refused`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        try await stage.expectRefused("claim") { _ = try await stage.claim(0) }
        try await stage.expectRefused("claim") { _ = try await stage.claim(-1) }
        try await stage.expectRefused("claim") { _ = try await stage.claim(lease: .zero) }
        try await stage.expectRefused("claim") { _ = try await stage.claim(lease: .milliseconds(1 << 42 + 1)) }
        try await stage.expectRefused("promote") {
            _ = try await stage.store.promote(0, on: stage.queue, for: stage.me)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a consumer finds its leases again`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        let mine = try await stage.held(2)
        let others = try await stage.held(for: stage.other)
        #expect(Set(try await stage.reader.leases(of: stage.me, on: stage.queue)) == Set(mine))
        #expect(try await stage.reader.leases(of: stage.other, on: stage.queue) == others)
    }
}
