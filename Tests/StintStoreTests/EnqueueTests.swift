import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import StintTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EnqueueTests {
    @Test func `jobs run in the order of their arrival, whatever their ids`() async throws {
        try await withQueue { bench in
            #expect(try await bench.enqueue("m", "a", "z", "b", "B") == Array(repeating: .accepted, count: 5))
            try await bench.enqueue("c", "A")
            try await bench.enqueue("0")
            #expect(try await bench.claimedIDs() == ["m", "a", "z", "b", "B", "c", "A", "0"])
        }
    }

    @Test func `the order holds from batch to batch when they come faster than the clock ticks`() async throws {
        try await withQueue { bench in
            let batches = (0..<20).map { batch in (0..<10).map { "\(99 - batch)-\($0 % 2 == 0 ? "x" : "a")\($0)" } }
            for batch in batches { _ = try await bench.store.enqueue(batch.map { try bench.job($0) }, on: bench.queue) }
            #expect(try await bench.claimedIDs() == batches.flatMap { $0 })
        }
    }

    @Test func `higher priorities run first, each in the order of arrival`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("low", priority: -100)
            try await bench.enqueue("z", "a")
            try await bench.enqueue("high", priority: 100)
            try await bench.enqueue("b", priority: 0)
            try await bench.enqueue("minus", priority: -1)
            try await bench.enqueue("plus", priority: 1)
            #expect(try await bench.claimedIDs() == ["high", "plus", "z", "a", "b", "minus", "low"])
        }
    }

    @Test func `a job with a delay is not claimable before it`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("later", due: .after(.minutes(60)))
            let claim = try await bench.claim()
            #expect(claim.jobs.isEmpty)
            let dueIn = try #require(claim.dueIn)
            #expect(dueIn > .minutes(55) && dueIn <= .minutes(60))
            try await bench.advance(by: .minutes(50))
            #expect(try await bench.claimedIDs() == [])
            try await bench.advance(by: .minutes(10))
            #expect(try await bench.claimedIDs() == ["later"])
        }
    }

    @Test func `a time of the server's clock is kept to the millisecond, a past one is now`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("then", due: .at(ms: 4_000_000_000_123))
            #expect(try await bench.score("scheduled", "then") == 4_000_000_000_123)
            try await bench.enqueue("past", due: .at(ms: 1))
            try await bench.enqueue("before", due: .at(ms: -1))
            #expect(try await bench.ids(.ready) == ["past", "before"])
        }
    }

    @Test(arguments: [JobState.ready, .scheduled, .leased, .dead, .cancelled, .done])
    func `an id that is there already is refused in every state, and nothing about it changes`(state: JobState)
        async throws
    {
        try await withQueue { bench in
            try await bench.bring("twin", to: state)
            try await bench.expectNoWrites {
                let outcomes = try await bench.store.enqueue(
                    [bench.job("twin", priority: 9, payload: "other")], on: bench.queue)
                #expect(outcomes == [.exists(state)])
            }
        }
    }

    @Test func `fresh ids are not looked up, others are`() async throws {
        try await withOwnServer { bench in
            func reads(_ isFresh: Bool) async throws -> Int {
                try await bench.redis("CONFIG", "RESETSTAT")
                _ = try await bench.store.enqueue(
                    [bench.job("\(isFresh)-a", isFresh: isFresh), bench.job("\(isFresh)-b", isFresh: isFresh)],
                    on: bench.queue)
                let stats = try await bench.redis("INFO", "commandstats").string ?? ""
                return ["hmget", "zmscore", "smismember"].count { stats.contains("cmdstat_\($0):") }
            }
            let fresh = try await reads(true), others = try await reads(false)
            #expect(fresh == 0 && others == 3)
        }
    }

    @Test func `of an id that stands twice in one call the first is kept`() async throws {
        try await withQueue { bench in
            let jobs = try [
                bench.job("a", payload: "first"), bench.job("b"), bench.job("a", payload: "second"),
                bench.job("a", payload: "third"),
            ]
            let outcomes = try await bench.store.enqueue(jobs, on: bench.queue)
            #expect(outcomes == [.accepted, .accepted, .exists(.ready), .exists(.ready)])
            let claim = try await bench.claim()
            #expect(claim.ids == ["a", "b"])
            #expect(claim.jobs[0].payload == ByteBuffer(string: "first"))
        }
    }

    @Test func `of an id that stands in two groups of one call the first is kept`() async throws {
        try await withQueue { bench in
            let jobs = try [
                bench.job("a", payload: "first"), bench.job("b"),
                bench.job("a", due: .after(.minutes(60)), payload: "second"),
                bench.job("c", priority: 3), bench.job("c", payload: "second"),
            ]
            let outcomes = try await bench.store.enqueue(jobs, on: bench.queue)
            #expect(outcomes == [.accepted, .accepted, .exists(.ready), .accepted, .exists(.ready)])
            #expect(try await bench.ids(.scheduled) == [])
            let claim = try await bench.claim()
            #expect(claim.ids == ["c", "a", "b"])
            #expect(claim.jobs[1].payload == ByteBuffer(string: "first"))
            #expect(try await bench.inspector.stats(of: bench.queue).enqueuedTotal == 3)
        }
    }

    @Test func `a batch with old ids accepts the new ones, in order`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("b", due: .after(.minutes(60)))
            #expect(try await bench.enqueue("c", "b", "a") == [.accepted, .exists(.scheduled), .accepted])
            #expect(try await bench.ids(.ready) == ["c", "a"])
        }
    }

    @Test func `1,000 jobs are accepted in one call, 1,001 are refused without any write`() async throws {
        try await withQueue { bench in
            let jobs = try (0..<1001).map { try bench.job("job-\($0)", priority: $0 % 2) }
            try await bench.expectNoWrites {
                let error = await #expect(throws: StintError.self) {
                    try await bench.store.enqueue(jobs, on: bench.queue)
                }
                #expect(error?.code == .refused)
            }
            #expect(try await bench.store.enqueue(Array(jobs.dropLast()), on: bench.queue).allSatisfy(\.isAccepted))
            #expect(try await bench.ids(.ready).count == 1000)
        }
    }

    @Test func `malformed arguments are refused without any write`() async throws {
        try await withQueue { bench in
            let good = ["0", "0", "1", "1", "good", "jtest\n"]
            for bad in [
                ["0"], ["0", "0", "1"], ["0", "0", "1", "0"], ["0", "0", "1", "1"], ["0", "0", "1", "1", "id"],
                ["0", "0", "1", "2", "id", "jx\n"],
                ["0", "x", "1", "1", "id", "jx\n"], ["0", "101", "1", "1", "id", "jx\n"],
                ["0", "-101", "1", "1", "id", "jx\n"],
                ["0", "nan", "1", "1", "id", "jx\n"], ["0", "0.5", "1", "1", "id", "jx\n"],
                ["0", "0", "1", "nan", "id", "jx\n"],
                ["0", "0", "1", "-1", "id", "jx\n"], ["0", "0", "1", "1.5", "id", "jx\n", "a", "b", "c"],
                ["0", "0", "1", "inf", "id", "jx\n"],
                ["x", "0", "1", "1", "id", "jx\n"], ["", "0", "1", "1", "id", "jx\n"],
                ["@", "0", "1", "1", "id", "jx\n"],
                ["@x", "0", "1", "1", "id", "jx\n"], ["nan", "0", "1", "1", "id", "jx\n"],
                ["inf", "0", "1", "1", "id", "jx\n"],
                ["@9007199254740993", "0", "1", "1", "id", "jx\n"], ["0", "0", "1", "1", "id", "jx\n", "0"],
            ] {
                try await bench.expectRefused(Scripts.enqueue, good + bad)
            }
        }
    }

    @Test func `one wake-up mark waits, however many jobs come`() async throws {
        try await withQueue { bench in
            for id in ["a", "b", "c"] { try await bench.enqueue(id) }
            #expect(try await bench.wakeMarks() == 1)
        }
    }

    @Test func `a scheduled job leaves a mark when it is the first one due, and only then`() async throws {
        try await withQueue { bench in
            for (id, delay, marks) in [("b", 60, 1), ("c", 90, 0), ("a", 30, 1)] as [(String, Int64, Int64)] {
                try await bench.redis("UNLINK", bench.key("wake"))
                try await bench.enqueue(id, due: .after(.minutes(delay)))
                #expect(try await bench.wakeMarks() == marks, "\(id)")
            }
        }
    }

    @Test func `a call that accepts nothing leaves no mark`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            try await bench.redis("UNLINK", bench.key("wake"))
            try await bench.enqueue("a")
            #expect(try await bench.wakeMarks() == 0)
        }
    }

    @Test(.enabled(if: Locales.englishDirectory != nil, "localedef cannot make a locale here"))
    func `the order is that of arrival on a server that compares by a locale`() async throws {
        let directory = try #require(Locales.englishDirectory)
        try await withOwnServer(environment: ["LOCPATH": directory, "LC_ALL": "en_US.UTF-8"]) { bench in
            let compares = try await bench.eval("return ('B' < 'a') and 1 or 0")
            try #require(compares.integer == 0, "the server does not use the locale")
            try await bench.enqueue("a", "B", "c", "D", "a-b", "ab", "aa")
            try await bench.enqueue("A", "_")
            #expect(try await bench.claimedIDs() == ["a", "B", "c", "D", "a-b", "ab", "aa", "A", "_"])
        }
    }
}
