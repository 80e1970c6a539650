import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// What is noted of the steps of a job, and by whom.
@Suite(.timeLimit(.minutes(5)))
struct OnceTests {
    private func note(_ bench: Bench, _ job: Held, _ step: String, _ value: String?, by other: Bool = false)
        async throws -> StepNote
    {
        try await bench.store.once(
            step, of: job, noting: value.map { ByteBuffer(string: $0) }, on: bench.queue,
            by: other ? bench.other : bench.me)
    }

    private func noted(_ text: String) -> StepNote { .noted(ByteBuffer(string: text)) }

    @Test func `a step is open until it is noted, and the first note stays`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let job = try #require(try await bench.held().first)
            try await bench.expectNoWrites { () async throws in
                #expect(try await note(bench, job, "charge", nil) == .open)
            }
            #expect(try await note(bench, job, "charge", "1 2 \n\u{0}") == noted("1 2 \n\u{0}"))
            #expect(try await note(bench, job, "mail", "") == noted(""))
            try await bench.expectNoWrites { () async throws in
                #expect(try await note(bench, job, "charge", nil) == noted("1 2 \n\u{0}"))
                #expect(try await note(bench, job, "charge", "other") == noted("1 2 \n\u{0}"))
                #expect(try await note(bench, job, "mail", nil) == noted(""))
                #expect(try await note(bench, job, "char", nil) == .open)
            }
        }
    }

    @Test func `who does not hold the job neither reads nor notes`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let old = try #require(try await bench.held().first)
            _ = try await note(bench, old, "step", "first")
            try await bench.expectNoWrites { () async throws in
                #expect(try await note(bench, old, "step", nil, by: true) == .refused(.stale))
                #expect(try await note(bench, old, "other", "x", by: true) == .refused(.stale))
                let invented = Held(id: old.id, token: Token(rawValue: 1))
                #expect(try await note(bench, invented, "step", nil) == .refused(.stale))
                #expect(try await note(bench, Held(id: JobID("b"), token: old.token), "step", "x") == .refused(.gone))
            }
            _ = try await bench.store.release([old], on: bench.queue, by: bench.me)
            #expect(try await note(bench, old, "step", nil) == .refused(.gone))
            let new = try #require(try await bench.held(for: bench.other).first)
            #expect(try await note(bench, old, "step", nil) == .refused(.stale))
            #expect(try await note(bench, new, "step", nil, by: true) == noted("first"))
        }
    }

    @Test func `notes stay over a retry, a lapse, a burial and a redrive, and go with the job`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            _ = try await note(bench, try #require(try await bench.held(1).first), "step", "value")
            try await bench.advance(by: .minutes(60))
            _ = try await bench.store.reap(from: bench.queue)
            _ = try await bench.nack(try #require(try await bench.held(1).first))
            #expect(try await bench.claimedIDs(1) == ["b"])
            _ = try await bench.nack(try #require(try await bench.held(1).first), .reject)
            #expect(try await bench.store.redrive([JobID("a")], on: bench.queue) == [.ready])
            let job = try #require(try await bench.held(1).first)
            #expect(try await note(bench, job, "step", nil) == noted("value"))
            #expect(try await bench.store.ack([job], on: bench.queue, by: bench.me).accepted == 1)
            #expect(try await bench.redis("EXISTS", bench.key("effects")).integer == 0)
        }
    }

    @Test func `a job that was given another payload has notes no more`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k")
            let old = try #require(try await bench.held().first)
            _ = try await note(bench, old, "step", "value")
            _ = try await bench.nack(old)
            #expect(try await bench.enqueueUnique("b", "k", .replace) == .replaced(JobID("a"), .ready))
            #expect(try await note(bench, try #require(try await bench.held().first), "step", nil) == .open)
        }
    }

    @Test func `a job has room for 64 KiB of notes and for 1,000 steps`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let jobs = try await bench.held()
            // With its lengths and its name a note of 65,524 bytes takes 65,536.
            let most = String(repeating: "x", count: Defaults.maxStepBytes - "4 65525 ".count - 4 + 1)
            try await bench.expectNoWrites { () async throws in
                #expect(try await note(bench, jobs[0], "step", most) == .full)
            }
            #expect(try await note(bench, jobs[0], "step", String(most.dropFirst())) == noted(String(most.dropFirst())))
            #expect(try await note(bench, jobs[0], "more", nil) == .full)
            for number in 1...1000 { _ = try await note(bench, jobs[1], "\(number)", "") }
            #expect(try await note(bench, jobs[1], "1001", nil) == .full)
            #expect(try await note(bench, jobs[1], "1000", nil) == noted(""))
        }
    }

    @Test func `notes that are damaged are written over`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let job = try #require(try await bench.held().first)
            _ = try await note(bench, job, "step", "value")
            let whole = try #require(try await bench.redis("HGET", bench.key("effects"), "a").string)
            try await bench.redis("HSET", bench.key("effects"), "a", whole + "garbage")
            #expect(try await note(bench, job, "next", "2") == noted("2"))
            #expect(try await note(bench, job, "step", nil) == noted("value"))
            #expect(try await note(bench, job, "next", nil) == noted("2"))
        }
    }

    @Test func `malformed arguments are refused`() async throws {
        try await withQueue { bench in
            for arguments in [
                ["me", "a", "1"], ["me", "a", "1", ""], ["me", "a", "1", String(repeating: "x", count: 129)],
            ] { try await bench.expectRefused(Scripts.once, arguments) }
        }
    }

    @Test func `fsck removes notes of a job that is not there`() async throws {
        try await withQueue { bench in
            try await bench.redis("HSET", bench.key("meta"), "extras", "effects,")
            try await bench.redis("HSET", bench.key("effects"), "a", "1 1 a1")
            #expect(try await bench.fsck(mends: true) == ["stray a"])
            #expect(try await bench.redis("EXISTS", bench.key("effects")).integer == 0)
        }
    }
}
