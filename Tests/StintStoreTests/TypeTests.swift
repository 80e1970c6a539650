import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// Claims of some types only.
@Suite(.timeLimit(.minutes(5)))
struct TypeTests {
    private func enqueue(_ bench: Bench, _ type: JobType, _ ids: [String], bytes: Int = 0, priority: Int = 0)
        async throws
    {
        let jobs = try ids.map { id in
            NewJob(
                id: try JobID(id), isFresh: false, header: JobHeader(type: type, priority: priority),
                payload: ByteBuffer(repeating: 97, count: bytes), due: .now)
        }
        for start in stride(from: 0, to: jobs.count, by: 100) {
            _ = try await bench.store.enqueue(Array(jobs[start..<min(start + 100, jobs.count)]), on: bench.queue)
        }
    }

    private func claim(_ bench: Bench, _ limit: Int, _ types: JobType..., from rank: Int = 0) async throws -> Claim {
        try await bench.store.claim(
            limit, from: bench.queue, for: bench.me, lease: .minutes(30), only: TypeChoice(types, fromRank: rank))
    }

    @Test func `jobs of other types stay where they are, those behind them are claimed in order`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, "new", ["n1", "n2"])
            try await enqueue(bench, "old", ["o1", "o2"])
            try await enqueue(bench, "new", ["n3"])
            try await enqueue(bench, "older", ["o3"])
            try await enqueue(bench, "old", ["o0"], priority: 1)
            let before = try await bench.score("ready", "n2")
            let claim = try await claim(bench, 9, "old", "older")
            #expect(claim.ids == ["o0", "o1", "o2", "o3"])
            #expect((claim.skipped, claim.nextRank, claim.leavesMore) == (3, 0, false))
            #expect(try await bench.ids(.ready) == ["n1", "n2", "n3"])
            #expect(try await bench.score("ready", "n2") == before)
            #expect(try await bench.detail("n1")?.tries == Tries.none)
            #expect(try await bench.store.ack(claim.held, on: bench.queue, by: bench.me).accepted == 4)
            let rest = try await self.claim(bench, 9, "new")
            #expect(
                rest.ids == ["n1", "n2", "n3"] && rest.skipped == 0 && rest.token ?? .init(rawValue: 0) > claim.token!)
        }
    }

    @Test func `a claim that brings nothing leaves no mark, one that leaves jobs unseen does`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, "new", ["n1"])
            try await bench.redis("UNLINK", bench.key("wake"))
            let nothing = try await claim(bench, 9, "old")
            #expect(nothing.token == nil && nothing.ids.isEmpty)
            #expect((nothing.skipped, nothing.nextRank, nothing.leavesMore) == (1, 0, false))
            #expect(try await bench.wakeMarks() == 0)
            try await enqueue(bench, "old", ["o1", "o2"])
            try await bench.redis("UNLINK", bench.key("wake"))
            let one = try await claim(bench, 1, "old")
            #expect(one.ids == ["o1"])
            #expect((one.skipped, one.nextRank, one.leavesMore) == (1, 1, true))
            #expect(try await bench.wakeMarks() == 1)
            #expect(try await claim(bench, 1, "old", from: 1).ids == ["o2"])
        }
    }

    @Test func `what is behind more jobs than one claim looks at is found from the rank on`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, "new", (0..<250).map { "n\(1000 + $0)" })
            try await enqueue(bench, "old", ["o1"])
            let first = try await claim(bench, 1, "old")
            #expect(first.ids.isEmpty && first.lapseIn == nil)
            #expect((first.skipped, first.nextRank, first.leavesMore) == (201, 201, true))
            let second = try await claim(bench, 1, "old", from: first.nextRank)
            #expect(second.ids == ["o1"])
            #expect((second.skipped, second.nextRank, second.leavesMore) == (49, 0, false))
            #expect(try await claim(bench, 1, "old", from: 5000).ids.isEmpty)
        }
    }

    @Test func `it reads no more than 8 MiB of records, and a hundred jobs`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, "new", (0..<150).map { "n\(1000 + $0)" }, bytes: 100_000)
            try await enqueue(bench, "old", ["o1"])
            let first = try await claim(bench, 10, "old")
            #expect((first.ids.count, first.skipped, first.nextRank, first.leavesMore) == (0, 100, 100, true))
            #expect(try await claim(bench, 10, "old", from: 100).ids == ["o1"])
        }
    }

    @Test func `jobs that its bytes do not allow are seen again by the next claim`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, "new", ["n1"])
            try await enqueue(bench, "old", (0..<12).map { "o\(10 + $0)" }, bytes: 1_000_000)
            let first = try await claim(bench, 100, "old")
            #expect((first.ids.count, first.skipped, first.nextRank, first.leavesMore) == (8, 1, 0, true))
            #expect(try await claim(bench, 100, "old", from: first.nextRank).ids.count == 4)
            #expect(try await bench.ids(.ready) == ["n1"])
        }
    }

    @Test func `ids without a record, and records that cannot be read, are found all the same`() async throws {
        try await withQueue(missingRecords: ["lost"]) { bench in
            try await enqueue(bench, "new", ["n1"])
            try await enqueue(bench, "old", ["lost", "o1", "mangled"])
            try await bench.redis("HDEL", bench.key("jobs"), "lost")
            try await bench.redis("HSET", bench.key("jobs"), "mangled", "\u{1}no header")
            let claim = try await claim(bench, 9, "old")
            #expect(claim.ids == ["o1"] && claim.malformed.map(\.id.rawValue) == ["mangled"])
            #expect(try await bench.ids(.dead) == ["lost"])
            #expect(try await bench.ids(.ready) == ["n1"])
        }
    }

    @Test func `a paused queue, and an empty one, say so`() async throws {
        try await withQueue { bench in
            let none = try await claim(bench, 9, "old")
            #expect(none.token == nil && !none.isPaused && none.skipped == 0)
            try await bench.store.pause(true, bench.queue)
            #expect(try await claim(bench, 9, "old").isPaused)
            try await bench.store.pause(false, bench.queue)
        }
    }

    @Test func `malformed arguments are refused`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for bad in [["0"], ["-1", "t"], ["x", "t"], ["0.5", "t"], ["0"] + Array(repeating: "t", count: 1001)] {
                try await bench.expectRefused(Scripts.claim, ["me", "30000", "9"] + bad)
            }
        }
    }
}
