import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// Settles with a result, and what is kept of it.
@Suite(.timeLimit(.minutes(5)))
struct AnswerTests {
    private func answer(
        _ held: [Held], _ bench: Bench, _ result: String = "42", keep: Duration = .minutes(1), count: Int = 100,
        bytes: Int = 10_000, by consumer: ConsumerID? = nil
    ) async throws -> Settlement {
        try await bench.store.answer(
            held.map { Answer($0, keep: keep, result: ByteBuffer(string: result)) }, on: bench.queue,
            by: consumer ?? bench.me, keeping: count, bytes: bytes)
    }

    private func result(_ id: String, _ bench: Bench) async throws -> String? {
        try await bench.store.result(of: JobID(id), on: bench.queue).map { String(buffer: $0) }
    }

    /// Enqueues a job and has it done with a result.
    private func finish(_ id: String, _ bench: Bench, _ result: String, count: Int = 100, bytes: Int = 10_000)
        async throws
    {
        try await bench.enqueue(id)
        _ = try await answer(bench.held(), bench, result, count: count, bytes: bytes)
    }

    @Test func `an answer settles jobs as done and keeps their results`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            let held = try await bench.held()
            let settlement = try await answer(Array(held.prefix(2)), bench)
            #expect(settlement.accepted == 2 && settlement.refused.isEmpty)
            let dump = try await bench.dump()
            #expect(dump.states == ["a": .done, "b": .done, "c": .leased])
            #expect(dump.records == ["c"] && dump.leases == ["c"])
            #expect(try await result("a", bench) == "42")
            #expect(try await result("c", bench) == nil)
            #expect(try await bench.redis("HGET", bench.key("meta"), "results_bytes").integer == 4)
            #expect(try await bench.inspector.stats(of: bench.queue).ackedTotal == 2)
            let until = try #require(try await bench.score("results_until", "a"))
            let nowMs = Double(try await bench.store.serverMs())
            #expect((nowMs + 50_000...nowMs + 60_000).contains(until))
        }
    }

    @Test func `who does not hold a job cannot answer for it`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            try await bench.expectNoWrites {
                let stale = Held(id: held[0].id, token: Token(rawValue: 7))
                let refused = try await answer([stale, Held(id: JobID("b"), token: held[0].token)], bench)
                #expect(refused.accepted == 0 && refused.refused.map(\.refusal) == [.stale, .gone])
                #expect(try await answer(held, bench, by: bench.other).refused.map(\.refusal) == [.stale])
            }
            #expect(try await answer([held[0], held[0]], bench).accepted == 1)
        }
    }

    @Test func `extras of an answered job go with it`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.nack(try #require(try await bench.held().first))
            let held = try await bench.held()
            _ = try await bench.store.note(
                [Note(held[0], .checkpoints, ByteBuffer(string: "x"))], on: bench.queue, by: bench.me)
            _ = try await answer(held, bench)
            let dump = try await bench.dump()
            #expect(dump.tries.isEmpty && dump.checkpoints.isEmpty)
        }
    }

    @Test func `results beyond the count or the bytes make room, the one that would go next first`() async throws {
        try await withQueue { bench in
            for id in ["a", "b", "c"] { try await finish(id, bench, id, count: 2) }
            #expect(try await result("a", bench) == nil)
            #expect(try await result("b", bench) == "b")
            try await finish("d", bench, "dddd", bytes: 5)
            #expect(try await result("b", bench) == nil)
            #expect(try await result("c", bench) == "c")
            #expect(try await result("d", bench) == "dddd")
            #expect(try await bench.redis("HGET", bench.key("meta"), "results_bytes").integer == 5)
        }
    }

    @Test func `a trim forgets results whose time is over, and the last one leaves nothing`() async throws {
        try await withQueue { bench in
            try await finish("a", bench, "a")
            #expect(try await bench.store.trimResults(on: bench.queue) == 0)
            try await bench.redis("ZADD", bench.key("results_until"), "1", "a")
            #expect(try await bench.store.trimResults(on: bench.queue) == 1)
            #expect(try await result("a", bench) == nil)
            #expect(try await bench.redis("HEXISTS", bench.key("meta"), "results_bytes").integer == 0)
        }
    }

    @Test func `the ends of jobs that keep a result are told, and of no others`() async throws {
        try await withQueue { bench in
            for (id, keeps) in [("a", true), ("b", true), ("c", true), ("d", false), ("e", false)] {
                var job = try bench.job(id)
                if keeps { job.header.keepResult = .seconds(60) }
                _ = try await bench.store.enqueue([job], on: bench.queue)
            }
            let held = try await bench.held()
            _ = try await answer([held[0]], bench)
            _ = try await bench.nack(held[1], .reject)
            _ = try await bench.nack(held[2], .cancel)
            _ = try await bench.nack(held[3], .reject)
            _ = try await bench.store.ack([held[4]], on: bench.queue, by: bench.me)
            var entry = "0-0"
            let reply = try await bench.client.block(
                bench.store.readEnds(bench.queue, after: entry, blockMs: 1000), upTo: .seconds(1))
            #expect(bench.store.ends(in: reply, after: &entry).ids.map(\.rawValue) == ["a", "b", "c"])
            #expect(try await bench.store.lastEnd(of: bench.queue) == entry)
        }
    }

    @Test func `malformed answers are refused`() async throws {
        try await withQueue { bench in
            for arguments in [
                ["c"], ["c", "1", "1"], ["c", "1", "1", "a", "1", "5"], ["c", "x", "1", "a", "1", "5", "r"],
                ["c", "1", "1", "a", "1", "-5", "r"], ["c", "1", "1", "a", "1", "x", "r"],
            ] {
                try await bench.expectRefused(Scripts.answer, arguments)
            }
            let many = (0..<1001).flatMap { ["\($0)", "1", "5", "r"] }
            try await bench.expectRefused(Scripts.answer, ["c", "1", "1"] + many)
        }
    }
}

/// What running jobs leave about themselves.
@Suite(.timeLimit(.minutes(5)))
struct NoteTests {
    private func note(_ held: Held, _ kind: Note.Kind, _ value: String, _ bench: Bench, by consumer: ConsumerID? = nil)
        async throws -> Refusal?
    {
        try await bench.store.note(
            [Note(held, kind, ByteBuffer(string: value))], on: bench.queue, by: consumer ?? bench.me)[0]
    }

    @Test func `a checkpoint stays over failures, lapses and releases, and goes with the job`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let first = try await bench.held()[0]
            #expect(try await note(first, .checkpoints, "one", bench) == nil)
            #expect(try await note(first, .checkpoints, "two", bench) == nil)
            _ = try await bench.nack(first)
            let second = try await bench.held()[0]
            _ = try await bench.store.release([second], on: bench.queue, by: bench.me)
            _ = try await bench.held(lease: .minutes(1))
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue)
            let last = try await bench.held()[0]
            let found = try await bench.store.checkpoint(of: last.id, on: bench.queue)
            #expect(found == ByteBuffer(string: "two"))
            _ = try await bench.store.ack([last], on: bench.queue, by: bench.me)
            #expect(try await bench.store.checkpoint(of: last.id, on: bench.queue) == nil)
        }
    }

    @Test func `who does not hold the job leaves nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let old = try await bench.held(lease: .minutes(1))[0]
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue)
            try await bench.expectNoWrites { () async throws in
                #expect(try await note(old, .checkpoints, "x", bench) == .gone)
            }
            let new = try await bench.held()[0]
            try await bench.expectNoWrites { () async throws in
                #expect(try await note(old, .checkpoints, "x", bench) == .stale)
                #expect(try await note(new, .progress, "0.5 x", bench, by: bench.other) == .stale)
            }
        }
    }

    @Test func `progress is told with its time, and as an event`() async throws {
        try await withQueue { bench in
            try await bench.store.configure([("events", "100")], of: bench.queue)
            try await bench.enqueue("a")
            let held = try await bench.held()[0]
            _ = try await note(held, .progress, "0.4 page 4 of 10", bench)
            let progress = try #require(try await bench.store.progress(of: held.id, on: bench.queue))
            #expect(progress.fraction == 0.4 && progress.note == "page 4 of 10")
            let nowMs = try await bench.store.serverMs()
            #expect((nowMs - 60_000...nowMs).contains(progress.atMs))
            var position = EventPosition()
            let reply = try await bench.client.send(bench.store.readEvents(bench.queue, after: position, blockMs: nil))
            let last = bench.store.events(in: reply, of: bench.queue, after: &position).last
            #expect(last?.kind == .progress && last?.reason == "0.4 page 4 of 10" && last?.state == nil)
        }
    }

    @Test func `notes of jobs that are gone are found and removed by a check`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await note(try await bench.held()[0], .checkpoints, "x", bench)
            try await bench.redis("HSET", bench.key("checkpoints"), "ghost", "x")
            #expect(try await bench.fsck(mends: true) == ["stray ghost"])
            #expect(try await bench.dump().checkpoints == ["a"])
        }
    }

    @Test func `malformed notes are refused`() async throws {
        try await withQueue { bench in
            for arguments in [["c"], ["c", "a", "1", "progress"], ["c", "a", "1", "tries", "x"]] {
                try await bench.expectRefused(Scripts.note, arguments)
            }
            let many = (0..<1001).flatMap { ["\($0)", "1", "progress", "r"] }
            try await bench.expectRefused(Scripts.note, ["c"] + many)
        }
    }

    @Test func `a log keeps its lines in order, and goes by itself`() async throws {
        try await withQueue { bench in
            let id = try JobID("a")
            try await bench.store.log(["one", "two"], of: id, on: bench.queue)
            try await bench.store.log(["three"], of: id, on: bench.queue)
            #expect(try await bench.store.log(of: id, on: bench.queue).map(\.text) == ["one", "two", "three"])
            let left = try #require(try await bench.redis("PTTL", bench.store.keys.log(id, of: bench.queue)).integer)
            #expect((80_000_000...86_400_000).contains(left))
            try await bench.store.log((0..<1500).map { "\($0)" }, of: id, on: bench.queue)
            let all = try await bench.store.log(of: id, on: bench.queue)
            #expect((1000...1200).contains(all.count) && all.last?.text == "1499")
        }
    }
}
