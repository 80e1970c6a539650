import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// The registers are one for all queues: servers of their own.
@Suite(.timeLimit(.minutes(1)))
struct WatchTests {
    private let minute = Duration.seconds(60)
    private let session = RedisSession(runID: "life", clientID: 7)

    private func enter(_ consumer: ConsumerID, _ session: RedisSession?, _ bench: Bench) async throws {
        let about = #"{"queues":["a","{"]}"#
        try await bench.store.beat(consumer, about: about, session: session, queues: [], keep: minute)
    }

    @Test func `one of those who ask gets the turn, and the sessions with it`() async throws {
        try await withOwnServer { bench in
            try await enter(bench.me, session, bench)
            try await enter(bench.other, nil, bench)
            let first = try await bench.store.watch(by: bench.me, every: minute)
            #expect(first.last == nil && first.sessions == [bench.me: session])
            let second = try await bench.store.watch(by: bench.other, every: minute)
            let last = try #require(second.last)
            #expect(second.sessions == nil && last.by == bench.me.description && last.age < minute)
            let third = try await bench.store.watch(by: bench.other, every: .zero)
            #expect(third.sessions == [bench.me: session])
            #expect(try await bench.store.watch(by: bench.me, every: minute).last?.by == bench.other.description)
        }
    }

    @Test func `a look in the future, before the clock went back, keeps nobody from looking`() async throws {
        try await withOwnServer { bench in
            try await bench.redis("HSET", bench.store.keys.watch, "*", "9999999999999 other/1")
            #expect(try await bench.store.watch(by: bench.me, every: minute).sessions == [:])
            #expect(try await bench.store.watch(by: bench.other, every: minute).sessions == nil)
        }
    }

    @Test func `a session is missed since it was missed first`() async throws {
        try await withOwnServer { bench in
            try await enter(bench.me, session, bench)
            #expect(try await bench.store.miss([(bench.me, session)]) == [bench.me: .zero])
            let noted = try await bench.redis("HGET", bench.store.keys.watch, bench.me.description).string ?? ""
            let ms = try #require(noted.split(separator: " ").first.flatMap { Int64($0) })
            try await bench.redis(
                "HSET", bench.store.keys.watch, bench.me.description, "\(ms - 5000) \(session)")
            let age = try #require(try await bench.store.miss([(bench.me, session)])[bench.me])
            #expect(age >= .seconds(5) && age < .seconds(15))
        }
    }

    @Test func `a node with another session, and one that has left, is not missed`() async throws {
        try await withOwnServer { bench in
            let new = RedisSession(runID: "life", clientID: 8)
            try await enter(bench.me, session, bench)
            _ = try await bench.store.miss([(bench.me, session)])
            try await enter(bench.me, new, bench)
            let missed = try await bench.store.miss([(bench.me, session), (bench.other, session), (bench.me, new)])
            #expect(missed == [bench.me: .zero])
            try await bench.store.beat(bench.me, about: nil, queues: [], keep: minute)
            #expect(try await bench.store.miss([(bench.me, new)]).isEmpty)
            #expect(try await bench.redis("EXISTS", bench.store.keys.watch, bench.store.keys.sessions).integer == 0)
        }
    }

    @Test func `nodes that fall out of the register take their sessions along`() async throws {
        try await withOwnServer { bench in
            try await enter(bench.me, session, bench)
            _ = try await bench.store.miss([(bench.me, session)])
            try await bench.redis("ZINCRBY", bench.store.keys.nodes, "-61000", bench.me.description)
            try await enter(bench.other, nil, bench)
            #expect(try await bench.redis("EXISTS", bench.store.keys.watch, bench.store.keys.sessions).integer == 0)
        }
    }

    @Test func `a session is forgotten once, and the node stays where people look`() async throws {
        try await withOwnServer { bench in
            try await enter(bench.me, session, bench)
            #expect(try await bench.store.forgetSession(of: bench.me))
            #expect(try await !bench.store.forgetSession(of: bench.me))
            #expect(try await bench.inspector.nodes().map(\.consumer) == [bench.me])
        }
    }

    @Test func `the queues of a node are those of its entry that are queues`() async throws {
        try await withOwnServer { bench in
            try await enter(bench.me, session, bench)
            #expect(try await bench.store.queues(of: bench.me) == ["a"])
            #expect(try await bench.store.queues(of: bench.other).isEmpty)
        }
    }

    @Test func `leases of an expelled consumer run out now, those of others stay`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            _ = try await bench.claim(2, for: bench.other)
            let mine = try await bench.held(1)
            #expect(try await bench.store.expel(bench.other, from: bench.queue) == 2)
            let reaping = try await bench.store.reap(from: bench.queue, gone: bench.other)
            #expect(reaping.lapses.map(\.lapses) == [1, 1])
            #expect(try await bench.dump().states == ["a": .ready, "b": .ready, "c": .leased])
            let reason = try await bench.detail("a")?.tries.reason
            #expect(reason == "lapsed: held by \(bench.other), whose connection was gone")
            #expect(try await bench.store.ack(mine, on: bench.queue, by: bench.me).accepted == 1)
            #expect(try await bench.claimedIDs() == ["a", "b"])
        }
    }

    @Test func `claims that are made to end at one moment keep their own tokens`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d")
            var claims: [[Held]] = []
            for limit in [2, 1, 1] { claims.append(try await bench.held(limit)) }
            #expect(try await bench.store.expel(bench.me, from: bench.queue) == 4)
            #expect(Set(try await bench.inspector.leases(of: bench.me, on: bench.queue)) == Set(claims.joined()))
            let wrong = [Held(id: claims[0][0].id, token: claims[1][0].token)]
            try await bench.expectNoWrites {
                let answer = try await bench.store.ack(wrong, on: bench.queue, by: bench.me)
                #expect(answer.refused.map(\.refusal) == [.stale])
            }
            for held in claims {
                #expect(try await bench.store.ack(held, on: bench.queue, by: bench.me).accepted == held.count)
            }
            #expect(try await bench.dump().leases.isEmpty)
        }
    }

    @Test func `more leases than one step takes are all expelled`() async throws {
        try await withQueue { bench in
            for part in 0..<3 {
                _ = try await bench.store.enqueue(
                    (0..<1000).map { try bench.job("\(part)-\($0)") }, on: bench.queue)
            }
            for _ in 0..<2 { _ = try await bench.claim(for: bench.other) }
            _ = try await bench.claim()
            #expect(try await bench.store.expel(bench.other, from: bench.queue) >= 2000)
            let first = try await bench.store.reap(from: bench.queue)
            #expect(first.lapses.count == 1000 && first.lapseIn == .zero)
            #expect(try await bench.store.reap(from: bench.queue).lapses.count == 1000)
            #expect(try await bench.inspector.stats(of: bench.queue).leased == 1000)
        }
    }

    @Test func `a consumer that was expelled by mistake keeps what it extends in time`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            #expect(try await bench.store.expel(bench.me, from: bench.queue) == 1)
            #expect(
                try await bench.store.extend([(held[0], .seconds(30))], on: bench.queue, by: bench.me).refused.isEmpty)
            #expect(try await bench.store.reap(from: bench.queue).lapses.isEmpty)
            #expect(try await bench.store.ack(held, on: bench.queue, by: bench.me).accepted == 1)
        }
    }

    @Test func `a lease that has run out already keeps its deadline, and another's reason does not mention it`()
        async throws
    {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.claim()
            try await bench.advance(by: .minutes(600))
            let deadline = try await bench.deadlineMs("a")
            #expect(try await bench.store.expel(bench.me, from: bench.queue) == 0)
            #expect(try await bench.deadlineMs("a") == deadline)
            _ = try await bench.store.reap(from: bench.queue, gone: bench.other)
            #expect(try await bench.detail("a")?.tries.reason == "lapsed: held by \(bench.me)")
        }
    }

    @Test func `malformed arguments are refused`() async throws {
        try await withQueue { bench in
            for bad in [[], ["me"], ["me", "x"]] { try await bench.expectRefused(Scripts.watch, bad) }
            for bad in [[], ["me"], ["me", "s", "other"], Array(repeating: "x", count: 2002)] {
                try await bench.expectRefused(Scripts.miss, bad)
            }
            for bad in [[], ["me"], ["me", "0"], ["me", "x", "9"], ["", "0", "9"], ["me", "0", "0"]] {
                try await bench.expectRefused(Scripts.expel, bad)
            }
        }
    }
}
