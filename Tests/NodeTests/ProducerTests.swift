import NIOCore
import Stint
import StintCore
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Enqueues whose answers do not come.
    @Suite struct ProducerTests {}
}

extension NodeTests.ProducerTests {
    @Test func `an enqueue that may have come through is unconfirmed, also when its repeats could not even be sent`()
        async throws
    {
        try await Arena.runAlone { arena in
            let client = try await arena.newClient(commandTimeout: .milliseconds(500), repeatFor: .seconds(4))
            // The server must know the script, or it will not run the enqueue that nobody waits for.
            let first = try JobID("first")
            let isReady = await eventually {
                (try? await client.enqueue(payload: ByteBuffer(), on: arena.queue, .id(first))) != nil
            }
            try #require(isReady)
            let id = try JobID("order-7")
            // It takes the request, runs it later, and answers no handshake meanwhile.
            arena.server.freeze()
            let error = await #expect(throws: StintError.self) {
                try await client.enqueue(payload: ByteBuffer(), on: arena.queue, .id(id))
            }
            #expect(error?.code == .unconfirmed)
            #expect(error?.advice.contains("order-7") == true)
            // So that this is what is tested: the last attempt had not been sent.
            #expect((error?.underlying as? StintError)?.code == .unavailable)
            arena.server.thaw()
            #expect(try await eventually { try await arena.client.state(of: id, on: arena.queue) == .ready })
            let repeated = try await arena.client.enqueue(payload: ByteBuffer(), on: arena.queue, .id(id))
            #expect(repeated.outcome == .exists(.ready))
            let stats = try await arena.stats()
            #expect((stats.enqueuedTotal, stats.ready) == (2, 2))
        }
    }

    @Test func `a job whose id the client made up is accepted once, although its first answer was lost`() async throws {
        try await Arena.runAlone { arena in
            let client = try await arena.newClient(commandTimeout: .milliseconds(300), repeatFor: .seconds(60))
            try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
            arena.server.freeze()
            async let receipt = client.enqueue(payload: ByteBuffer(), on: arena.queue)
            await elapse(.milliseconds(500))
            arena.server.thaw()
            let accepted = try await receipt
            #expect(accepted.isAccepted)
            #expect(try await arena.stats().enqueuedTotal == 2)
            #expect(try await arena.client.state(of: accepted.id, on: arena.queue) == .ready)
        }
    }

    @Test func `a unique job is accepted once, although its first answer was lost, and a second one never`()
        async throws
    {
        try await Arena.runAlone { arena in
            let client = try await arena.newClient(commandTimeout: .milliseconds(300), repeatFor: .seconds(60))
            let queue = arena.queue
            try await client.enqueue(payload: ByteBuffer(), on: queue, .unique("other"))
            arena.server.freeze()
            async let first = client.enqueue(payload: ByteBuffer(), on: queue, .unique("k"))
            async let refused = client.enqueue(payload: ByteBuffer(), on: queue, .unique("other"))
            await elapse(.milliseconds(500))
            arena.server.thaw()
            let accepted = try await first
            #expect(accepted.outcome == .accepted)
            #expect(try await !refused.isAccepted)
            #expect(try await arena.stats().enqueuedTotal == 2)
            let existing = try await client.enqueue(
                payload: ByteBuffer(), on: queue, .unique("k", onConflict: .existing))
            #expect(existing.id == accepted.id && existing.outcome == .taken(by: accepted.id, .ready))
            let replaced = try await client.enqueue(
                payload: ByteBuffer(string: "new"), on: queue, .unique("k", onConflict: .replace))
            #expect(replaced.id == accepted.id && replaced.outcome == .replaced(accepted.id, .ready))
            #expect(try await arena.detail(accepted.id).payload == ByteBuffer(string: "new"))
        }
    }

    @Test func `of many jobs with one unique key the first is accepted`() async throws {
        try await Arena.run { arena in
            let jobs = arena.client.mint(3).map { id in
                var job = NewJob(id: id, isFresh: true, header: JobHeader(type: .plain), payload: ByteBuffer())
                job.makeUnique(Unique("k"), .untilDone)
                return job
            }
            let receipts = try await arena.client.enqueue(jobs, on: arena.queue)
            let taken = EnqueueOutcome.taken(by: jobs[0].id, .ready)
            #expect(receipts.map(\.outcome) == [.accepted, taken, taken])
        }
    }

    @Test(arguments: ["", String(repeating: "x", count: 257), "a\nb"])
    func `what is no unique key is refused before anything is sent`(key: String) async throws {
        try await Arena.run { arena in
            let error = await #expect(throws: StintError.self) {
                try await arena.client.enqueue(payload: ByteBuffer(), on: arena.queue, .unique(key))
            }
            #expect(error?.code == .invalidArgument)
            let stats = try await arena.stats()
            #expect(stats.enqueuedTotal == 0)
        }
    }
}
