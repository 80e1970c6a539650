import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// Debounce: what becomes of the job that has the key, and of jobs that come back to a key.
@Suite(.timeLimit(.minutes(5)))
struct UniqueReplaceTests {
    @Test func `a scheduled job has the new payload, options and due time, and its id`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k", due: .after(.minutes(60)), payload: "old")
            let outcome = try await bench.enqueueUnique(
                "b", "k", .replace, due: .at(ms: 4_000_000_000_000), priority: 3, payload: "new")
            #expect(outcome == .replaced(try JobID("a"), .scheduled))
            let job = try #require(try await bench.detail("a"))
            #expect(job.state == .scheduled && job.whenMs == 4_000_000_000_000)
            #expect(job.payload == ByteBuffer(string: "new") && job.header?.priority == 3)
            #expect(try await bench.state("b") == nil)
            #expect(try await bench.inspector.stats(of: bench.queue).enqueuedTotal == 1)
        }
    }

    @Test func `a job goes to where its new due time belongs, and a node is woken`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k", due: .after(.minutes(60)))
            try await bench.redis("UNLINK", bench.key("wake"))
            #expect(try await bench.enqueueUnique("b", "k", .replace) == .replaced(JobID("a"), .scheduled))
            #expect(try await bench.wakeMarks() == 1)
            #expect(try await bench.dump().states == ["a": .ready])
            try await bench.enqueue("c")
            #expect(try await bench.enqueueUnique("b", "k", .replace) == .replaced(JobID("a"), .ready))
            #expect(try await bench.ids(.ready) == ["c", "a"])
            let later = try await bench.enqueueUnique("b", "k", .replace, due: .after(.minutes(5)))
            #expect(later == .replaced(try JobID("a"), .ready))
            #expect(try await bench.dump().states == ["a": .scheduled, "c": .ready])
        }
    }

    @Test func `what hung on the old payload is forgotten`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k")
            _ = try await bench.nack(try #require(try await bench.held().first), delay: .minutes(1))
            #expect(try await bench.detail("a")?.tries.failures == 1)
            #expect(try await bench.enqueueUnique("b", "k", .replace) == .replaced(JobID("a"), .scheduled))
            #expect(try await bench.detail("a")?.tries == Tries.none)
            #expect(try await bench.enqueueUnique("c", "k") == .taken(by: JobID("a"), .ready))
        }
    }

    @Test func `beside a running job the new one is accepted and has the key from then on`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k")
            let held = try await bench.held()
            #expect(try await bench.enqueueUnique("b", "k", .replace) == .accepted)
            #expect(try await bench.holder(of: "k") == "b")
            #expect(try await bench.store.ack(held, on: bench.queue, by: bench.me).accepted == 1)
            #expect(try await bench.enqueueUnique("c", "k") == .taken(by: JobID("b"), .ready))
        }
    }

    @Test func `a key that is held for a time by a job that has ended is not given away`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k", until: .time(.minutes(10)))
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            #expect(try await bench.enqueueUnique("b", "k", .replace) == .taken(by: JobID("a"), .done))
        }
    }

    @Test func `a redrive takes the key again, and is refused while another job has it`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k")
            _ = try await bench.nack(try #require(try await bench.held().first), .reject)
            try await bench.enqueueUnique("b", "k")
            try await bench.expectNoWrites { () async throws in
                #expect(try await bench.store.redrive([JobID("a")], on: bench.queue) == [.taken])
            }
            _ = try await bench.store.cancel([JobID("b")], on: bench.queue, reason: "test")
            #expect(try await bench.store.redrive([JobID("a"), JobID("b")], on: bench.queue) == [.ready, .taken])
            #expect(try await bench.holder(of: "k") == "a")
        }
    }

    @Test func `a redrive of a job that has its key for a time is not in its own way`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k", until: .time(.minutes(10)))
            _ = try await bench.nack(try #require(try await bench.held().first), .reject)
            #expect(try await bench.store.redrive([JobID("a")], on: bench.queue) == [.ready])
            #expect(try await bench.enqueueUnique("b", "k") == .taken(by: JobID("a"), .ready))
        }
    }

    @Test(arguments: [JobState.ready, .scheduled, .leased])
    func `a job whose id was another's is not replaced for the key that that one has for a time`(state: JobState)
        async throws
    {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k", until: .time(.minutes(10)))
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            let none = Retention(age: .zero, count: 0)
            for _ in 0..<2 { _ = try await bench.store.trim(on: bench.queue, keeping: [(.done, none)]) }
            try await bench.enqueueUnique(
                "a", "l", due: state == .scheduled ? .after(.minutes(1)) : .now, payload: "own")
            if state == .leased { _ = try await bench.claim() }
            let taken = EnqueueOutcome.taken(by: JobID(unchecked: "a"), .done)
            #expect(try await bench.enqueueUnique("b", "k", until: .untilDone, .replace) == taken)
            #expect(try await bench.detail("a")?.payload == ByteBuffer(string: "own"))
            #expect(try await bench.state("a") == state)
            #expect(try await bench.enqueueUnique("c", "l") == .taken(by: JobID(unchecked: "a"), state))
        }
    }

    @Test func `fsck finds keys of nobody and jobs without their keys, and mends both`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k")
            try await bench.enqueueUnique("b", "l")
            try await bench.enqueueUnique("t", "u", until: .time(.minutes(10)))
            try await bench.enqueueUnique("w", "v", until: .time(.minutes(10)))
            #expect(try await bench.fsck(mends: true) == [])
            try await bench.redis("ZADD", bench.key("unique_until"), "5", "v")
            try await bench.redis("HDEL", bench.key("unique"), "k")
            try await bench.redis("HSET", bench.key("unique"), "l", "a")
            try await bench.redis("HSET", bench.key("unique"), "m", "b")
            try await bench.redis("HSET", bench.key("unique_of"), "c", "d n")
            try await bench.redis("ZREM", bench.key("unique_until"), "u")
            let found = Set(try await bench.fsck(mends: false))
            #expect(found == ["keyless a", "keyless b", "stray c", "stray m", "stray u", "stray l", "stray v"])
            _ = try await bench.fsck(mends: true)
            #expect(try await bench.fsck(mends: false) == [])
            #expect(try await bench.holder(of: "k") == "a")
            #expect(try await bench.holder(of: "l") == "b")
        }
    }
}
