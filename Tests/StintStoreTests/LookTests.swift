import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LookTests {
    @Test func `a queue that nobody used has zeros, and looking does not make it`() async throws {
        try await withQueue { bench in
            let stats = try await bench.expectNoWrites { try await bench.inspector.stats(of: bench.queue) }
            #expect(stats.ready == 0 && stats.enqueuedTotal == 0 && !stats.isPaused)
            #expect(stats.oldestReady == nil && stats.dueIn == nil && stats.lapseIn == nil)
        }
    }

    @Test func `stats count every state, and how long each waits`() async throws {
        try await withQueue { bench in
            for state in JobState.allCases where state != .ready { try await bench.bring(state.rawValue, to: state) }
            try await bench.enqueue("ready", "ready-too")
            let stats = try await bench.inspector.stats(of: bench.queue)
            #expect(
                [stats.ready, stats.scheduled, stats.leased, stats.done, stats.dead, stats.cancelled] == [
                    2, 1, 1, 1, 1, 1,
                ])
            #expect([stats.enqueuedTotal, stats.ackedTotal, stats.deadTotal, stats.cancelledTotal] == [7, 1, 1, 1])
            #expect(stats.dueIn! > .minutes(3500) && stats.dueIn! <= .minutes(3600))
            #expect(stats.lapseIn! > .minutes(20) && stats.lapseIn! <= .minutes(30))
            try await bench.advance(by: .minutes(4000))
            let later = try await bench.inspector.stats(of: bench.queue)
            #expect(later.dueIn == .zero && later.lapseIn == .zero)
        }
    }

    @Test func `the oldest ready job is found in whichever priority it waits`() async throws {
        try await withQueue { bench in
            for (id, priority) in [("a", 100), ("b", 5), ("c", -100)] {
                try await bench.enqueue(id, priority: priority)
                try await bench.advance(by: .minutes(10))
            }
            func oldest() async throws -> Duration {
                try await bench.inspector.stats(of: bench.queue).oldestReady ?? .zero
            }
            #expect(try await oldest() >= .minutes(30))
            #expect(try await bench.claimedIDs(1) == ["a"])
            let second = try await oldest()
            #expect(second >= .minutes(20) && second < .minutes(30))
        }
    }

    @Test(arguments: JobState.allCases) func `all that is known of a job is shown, in every state`(state: JobState)
        async throws
    {
        try await withQueue { bench in
            try await bench.bring("a", to: state)
            let detail = try #require(try await bench.expectNoWrites { try await bench.detail("a") })
            #expect(detail.state == state)
            #expect((detail.whenMs == nil) == (state == .ready || state == .done))
            #expect(detail.header?.type == (state == .done ? nil : "test"))
            #expect(detail.payload == (state == .done ? nil : ByteBuffer(string: "payload of a")))
            #expect((detail.token != nil) == (state == .leased) && (detail.consumer != nil) == (state == .leased))
        }
    }

    @Test func `an unknown job is shown as such, among others`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let details = try await bench.inspector.jobs(["x", "a"].map { try JobID($0) }, on: bench.queue)
            #expect(details.map(\.state) == [nil, .ready])
            #expect(try await bench.detail("x") == nil)
            try await bench.expectRefused(Scripts.show, [])
            try await bench.expectRefused(Scripts.show, (0..<1001).map(String.init))
        }
    }

    @Test func `a damaged job is shown as far as it can be`() async throws {
        try await withQueue(missingRecords: ["b"]) { bench in
            try await bench.bring("a", to: .scheduled)
            try await bench.bring("b", to: .scheduled)
            try await bench.redis("ZADD", bench.key("scheduled"), "inf", "a")
            try await bench.redis("HSET", bench.key("jobs"), "a", "no header")
            try await bench.redis("HDEL", bench.key("jobs"), "b")
            try await bench.redis("ZADD", bench.key("scheduled"), "1e300", "b")
            for id in ["a", "b"] {
                let detail = try #require(try await bench.detail(id))
                #expect(detail.state == .scheduled && detail.whenMs == nil && detail.header == nil)
            }
        }
    }

    @Test func `ids are listed in the order of their index, in pages`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("c", "a", "b")
            #expect(try await bench.inspector.ids(.ready, on: bench.queue, limit: 2).map(\.rawValue) == ["c", "a"])
            #expect(
                try await bench.inspector.ids(.ready, on: bench.queue, offset: 2, limit: 2).map(\.rawValue) == ["b"])
        }
    }

    @Test func `the leases of one consumer are found again, and no others`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue((0..<700).map { try bench.job("\($0)") }, on: bench.queue)
            let mine = try await bench.held(400)
            _ = try await bench.claim(for: bench.other)
            #expect(Set(try await bench.inspector.leases(of: bench.me, on: bench.queue)) == Set(mine))
        }
    }

    @Test func `nodes enter the register, leave it, and fall out when they are silent`() async throws {
        try await withOwnServer { bench in
            let minute = Duration.seconds(60)
            try await bench.store.beat(bench.me, about: "{\"slots\":4}", queues: ["mail", "pdf"], keep: minute)
            try await bench.store.beat(bench.other, about: "{}", queues: [], keep: minute)
            #expect(try await bench.inspector.queues() == ["mail", "pdf"])
            let nodes = try await bench.inspector.nodes()
            #expect(nodes.map(\.consumer) == [bench.me, bench.other])
            #expect(nodes[0].about == "{\"slots\":4}" && nodes[0].lastBeatAgo < minute)
            try await bench.store.beat(bench.other, about: nil, queues: [], keep: minute)
            #expect(try await bench.inspector.nodes().map(\.consumer) == [bench.me])
            try await bench.redis("ZINCRBY", bench.store.keys.nodes, "-61000", bench.me.description)
            try await bench.store.beat(bench.other, about: "{}", queues: [], keep: minute)
            #expect(try await bench.inspector.nodes().map(\.consumer) == [bench.other])
            #expect(try await bench.redis("HLEN", bench.store.keys.abouts).integer == 1)
        }
    }

    @Test func `a beat without its arguments is refused`() async throws {
        try await withQueue { bench in
            for bad in [[], ["me"], ["me", "{}"], ["me", "{}", "x", ""], ["me", "{}", "9"]] {
                try await bench.expectRefused(Scripts.beat, bad)
            }
        }
    }

    @Test func `the server's clock is that of TIME`() async throws {
        try await withQueue { bench in
            let before = try #require(try await bench.redis("TIME")[0].integer)
            let seconds = try await bench.store.serverMs() / 1000
            let after = try #require(try await bench.redis("TIME")[0].integer)
            #expect((before...after).contains(seconds))
        }
    }
}
