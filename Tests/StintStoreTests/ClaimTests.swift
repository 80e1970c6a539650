import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ClaimTests {
    @Test func `a claim brings what was put in, and leases it to the one who asked`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue([bench.job("a", priority: 3, payload: "hello")], on: bench.queue)
            let claim = try await bench.claim()
            let job = try #require(claim.jobs.first)
            #expect(job.header == JobHeader(type: "test", priority: 3))
            #expect(job.payload == ByteBuffer(string: "hello"))
            #expect(job.tries == .none)
            #expect(claim.token == job.token)
            let detail = try #require(try await bench.detail("a"))
            #expect(detail.state == .leased && detail.token == job.token && detail.consumer == bench.me)
        }
    }

    @Test func `tokens rise with every claim and are the server's time or more`() async throws {
        try await withQueue { bench in
            let beforeUs = try await bench.store.serverMs() * 1000
            var last = Token(rawValue: beforeUs - 1)
            for number in 0..<50 {
                try await bench.enqueue("\(number)")
                let token = try #require(try await bench.claim().token)
                #expect(token > last)
                last = token
            }
        }
    }

    @Test func `a token is above the last one also when that is far in the future`() async throws {
        try await withQueue { bench in
            try await bench.redis("HSET", bench.key("meta"), "token", "8007199254740990")
            try await bench.enqueue("a", "b")
            #expect(try await bench.claim(1).token?.rawValue == 8_007_199_254_740_991)
            #expect(try await bench.claim(1).token?.rawValue == 8_007_199_254_740_992)
        }
    }

    @Test func `a claim that finds nothing gives no token`() async throws {
        try await withQueue { bench in
            let claim = try await bench.expectNoWrites { try await bench.claim() }
            #expect(
                claim.token == nil && claim.jobs.isEmpty && !claim.isPaused && claim.dueIn == nil
                    && claim.lapseIn == nil)
        }
    }

    @Test func `the deadline is the lease from now, a job's own lease goes before the node's`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue(
                [bench.job("own", lease: .minutes(600)), bench.job("plain")], on: bench.queue)
            let beforeMs = Double(try await bench.store.serverMs())
            _ = try await bench.claim(lease: .minutes(30))
            let afterMs = Double(try await bench.store.serverMs())
            let plain = try #require(try await bench.deadlineMs("plain"))
            let own = try #require(try await bench.deadlineMs("own"))
            #expect(plain >= beforeMs + 1_800_000 && plain <= afterMs + 1_800_000)
            #expect(own == plain + 34_200_000)
        }
    }

    @Test func `a claim takes no more than its limit, and 1,000 at most`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue((0..<1000).map { try bench.job("\($0)") }, on: bench.queue)
            try await bench.enqueue("last")
            #expect(try await bench.claimedIDs(2) == ["0", "1"])
            #expect(try await bench.raw(Scripts.claim, [bench.me.description, "1000", "5000"])[5].count == 999)
        }
    }

    @Test func `jobs that have become due are claimed on the way, in the order of their due times`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("late", due: .after(.minutes(20)))
            try await bench.enqueue("early", due: .after(.minutes(10)))
            try await bench.enqueue("urgent", priority: 5, due: .after(.minutes(25)))
            try await bench.enqueue("never", due: .after(.minutes(3600)))
            try await bench.enqueue("ready")
            try await bench.advance(by: .minutes(30))
            #expect(try await bench.claimedIDs() == ["urgent", "ready", "early", "late"])
            #expect(try await bench.ids(.scheduled) == ["never"])
        }
    }

    @Test func `a paused queue gives nothing and changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("running")
            _ = try await bench.claim(lease: .minutes(30))
            try await bench.enqueue("a")
            _ = try await bench.store.pause(true, bench.queue)
            let claim = try await bench.expectNoWrites { try await bench.claim() }
            #expect(claim.isPaused && claim.jobs.isEmpty && claim.token == nil)
            #expect(try #require(claim.lapseIn) > .minutes(20))
            _ = try await bench.store.pause(false, bench.queue)
            #expect(try await bench.claimedIDs() == ["a"])
        }
    }

    @Test func `an id without a record is quarantined with a reason, and the others run`() async throws {
        try await withQueue(missingRecords: ["b", "d"]) { bench in
            try await bench.enqueue("a", "b", "c", "d")
            try await bench.redis("HDEL", bench.key("jobs"), "b", "d")
            let claim = try await bench.claim()
            #expect(claim.ids == ["a", "c"])
            #expect(claim.jobs.map { $0.payload } == ["payload of a", "payload of c"].map { ByteBuffer(string: $0) })
            for id in ["b", "d"] {
                let detail = try #require(try await bench.detail(id))
                #expect(detail.state == .dead)
                #expect(detail.tries.reason == "quarantined: the record is missing")
            }
            #expect(try await bench.claimedIDs() == [])
        }
    }

    @Test func `a claim of nothing but orphans ends, and does not loop`() async throws {
        try await withQueue(missingRecords: ["a"]) { bench in
            try await bench.enqueue("a")
            try await bench.redis("UNLINK", bench.key("jobs"))
            let claim = try await bench.claim()
            #expect(claim.jobs.isEmpty && claim.malformed.isEmpty)
            #expect(try await bench.ids(.ready) == [])
        }
    }

    @Test func `a record that cannot be read is reported with its id, and the others run`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            try await bench.redis("HSET", bench.key("jobs"), "b", "no header")
            let claim = try await bench.claim()
            #expect(claim.ids == ["a", "c"])
            #expect(claim.malformed.map(\.id.rawValue) == ["b"])
            let token = try #require(claim.token)
            #expect(try await bench.nack(Held(id: JobID("b"), token: token), .reject) == .dead)
        }
    }

    @Test func `a claim that gets fewer than it asked for tells how long to wait`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            try await bench.enqueue("later", due: .after(.minutes(60)))
            let full = try await bench.claim(1)
            #expect(full.leavesMore && full.dueIn != nil && full.lapseIn == nil)
            let short = try await bench.claim(2, lease: .minutes(90))
            let dueIn = try #require(short.dueIn)
            let lapseIn = try #require(short.lapseIn)
            #expect(dueIn > .minutes(50) && dueIn <= .minutes(60))
            #expect(lapseIn > .minutes(20) && lapseIn <= .minutes(30))
            try await bench.advance(by: .minutes(31))
            #expect(try await bench.claim().lapseIn == .zero)
        }
    }

    @Test func `what is known of earlier tries comes with the job`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let held = try await bench.held()
            _ = try await bench.nack(held[0], reason: "first: no route")
            _ = try await bench.store.release([held[1]], on: bench.queue, by: bench.me)
            let claim = try await bench.claim()
            #expect(claim.ids == ["b", "a"])
            #expect(claim.jobs[0].tries == .none)
            let tries = claim.jobs[1].tries
            #expect(tries.failures == 1 && tries.lapses == 0 && tries.reason == "first: no route" && tries.attempt == 2)
            #expect(tries.lastMs > 1_600_000_000_000)
        }
    }

    @Test func `a claim that leaves ready jobs behind wakes the next node, one that does not, does not`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            for (limit, marks) in [(1, 1), (2, 0)] as [(Int, Int64)] {
                try await bench.redis("UNLINK", bench.key("wake"))
                _ = try await bench.claim(limit)
                #expect(try await bench.wakeMarks() == marks)
            }
        }
    }

    @Test func `malformed arguments are refused without any write`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for bad in [
                [], ["me"], ["me", "1000"], ["", "1000", "1"], ["me", "0", "1"], ["me", "-5", "1"], ["me", "x", "1"],
                ["me", "nan", "1"],
                ["me", "1000", "0"], ["me", "1000", "-1"], ["me", "1000", "x"], ["me", "1000", ""],
            ] {
                try await bench.expectRefused(Scripts.claim, bad)
            }
        }
    }
}
