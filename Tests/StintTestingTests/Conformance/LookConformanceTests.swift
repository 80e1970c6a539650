import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LookConformanceTests {
    @Test(arguments: Kind.allCases)
    func `a queue that nobody used is empty`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        let stats = try await stage.stats()
        #expect(stats.ready + stats.scheduled + stats.leased + stats.dead + stats.done + stats.cancelled == 0)
        #expect(stats.enqueuedTotal == 0 && !stats.isPaused)
        #expect(stats.oldestReady == nil && stats.dueIn == nil && stats.lapseIn == nil)
        for state in JobState.allCases { #expect(try await stage.ids(state).isEmpty) }
        #expect(try await stage.reader.jobs([], on: stage.queue).isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `a queue is in the register once it was opened`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        #expect(try await !stage.reader.queues().contains(stage.queue))
        try await stage.store.open(stage.queue)
        try await stage.store.open(stage.queue)
        #expect(try await stage.reader.queues().filter { $0 == stage.queue } == [stage.queue])
    }

    @Test(arguments: Kind.allCases)
    func `the stats count every state and everything that ever happened`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        // The ready ones last: the ways to other states claim them.
        let counts: [(JobState, Int)] = [(.done, 4), (.dead, 5), (.cancelled, 6), (.scheduled, 1), (.ready, 2)]
        for (state, count) in counts {
            for number in 0..<count { try await stage.bring("\(state)-\(number)", to: state) }
        }
        _ = try await stage.release(try await stage.held())
        let held = try await stage.held(1)
        let stats = try await stage.stats()
        #expect([stats.scheduled, stats.ready, stats.leased] == [1, 1, 1])
        #expect([stats.done, stats.dead, stats.cancelled] == [4, 5, 6])
        #expect(stats.enqueuedTotal == 18 && stats.ackedTotal == 4 && stats.nackedTotal == 5)
        #expect(stats.deadTotal == 5 && stats.cancelledTotal == 6 && stats.releasedTotal == 2)
        #expect(held.count == 1)
    }

    @Test(arguments: Kind.allCases)
    func `a leased job shows its holder, its token and its deadline`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        let held = try await stage.held(for: stage.other, lease: .milliseconds(30))
        let detail = try await stage.detail("a")
        #expect(detail.state == .leased && detail.consumer == stage.other && detail.token == held[0].token)
        #expect(detail.whenMs == Stage.startUs / 1000 + 30 && detail.serverMs == Stage.startUs / 1000)
        #expect(detail.tries == .none && detail.cancelReason == nil)
        let unknown = try await stage.detail("unknown")
        #expect(unknown.state == nil && unknown.header == nil && unknown.payload == nil && unknown.token == nil)
    }

    @Test(arguments: Kind.allCases)
    func `a list can be read in pages`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c", "d")
        func page(_ offset: Int, _ limit: Int) async throws -> [String] {
            try await stage.reader.ids(.ready, on: stage.queue, offset: offset, limit: limit).map(\.rawValue)
        }
        #expect(try await page(0, 3) == ["a", "b", "c"])
        #expect(try await page(3, 3) == ["d"])
        #expect(try await page(4, 3) == [])
        #expect(try await page(1, 0) == ["b"])
    }
}
