import NIOCore
import Stint
import StintCore
import StintRedis
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Single enqueues of many callers at once.
    @Suite struct GatheredEnqueueTests {}
}

extension NodeTests.GatheredEnqueueTests {
    @Test func `64 callers at once share a few calls, and each has the receipt of its own job`() async throws {
        try await Arena.runAlone { arena in
            let ids = try (0..<64).map { try JobID("job-\($0)") }
            let client = try await arena.producer()
            let calls = try await arena.calls {
                let receipts = try await arena.gathered(64) { index in
                    try await client.enqueue(
                        payload: ByteBuffer(string: "\(index)"), on: arena.queue, .id(ids[index]))
                }
                #expect(receipts.map { try? $0.get().id } == ids)
                #expect(receipts.allSatisfy { (try? $0.get().isAccepted) == true })
            }
            #expect(calls <= 16)
            for index in [0, 31, 63] {
                let detail = try await arena.detail(ids[index])
                #expect(detail.payload.map { String(buffer: $0) } == "\(index)")
            }
            #expect(try await arena.stats().enqueuedTotal == 65)
        }
    }

    @Test func `lone enqueues are one call each`() async throws {
        try await Arena.runAlone { arena in
            let client = try await arena.producer()
            let calls = try await arena.calls {
                for _ in 0..<10 { try await client.enqueue(payload: ByteBuffer(), on: arena.queue) }
            }
            #expect(calls == 10)
        }
    }

    @Test func `an id that exists is the business of its caller alone`() async throws {
        try await Arena.runAlone { arena in
            let (there, twice) = (try JobID("there"), try JobID("twice"))
            let client = try await arena.producer()
            try await client.enqueue(payload: ByteBuffer(), on: arena.queue, .id(there), .in(.seconds(60)))
            let receipts = try await arena.gathered(16) { index in
                // Two callers bring the same new id, and one an old one.
                switch index {
                case 3: try await client.enqueue(payload: ByteBuffer(), on: arena.queue, .id(there))
                case 4, 5:
                    try await client.enqueue(
                        payload: ByteBuffer(), on: arena.queue, .id(twice), .in(.seconds(60)))
                default: try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
                }
            }.map { try $0.get() }
            #expect(receipts[3].outcome == .exists(.scheduled))
            #expect(Set(receipts[4...5].map(\.outcome)) == [.accepted, .exists(.scheduled)])
            for index in receipts.indices where !(3...5).contains(index) { #expect(receipts[index].isAccepted) }
            let stats = try await arena.stats()
            #expect((stats.ready, stats.scheduled) == (14, 2))
        }
    }

    @Test func `a call that is refused as a whole is refused to all its callers`() async throws {
        try await Arena.runAlone { arena in
            let client = try await arena.producer()
            try await arena.send("CONFIG", "SET", "maxmemory", "1mb")
            let receipts = try await arena.gathered(16) { _ in
                try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
            }
            #expect(receipts.map(\.code) == Array(repeating: .queueFull, count: 16))
            try await arena.send("CONFIG", "SET", "maxmemory", "0")
            #expect(try await arena.stats().enqueuedTotal == 1)
        }
    }

    @Test func `jobs that travelled together are accepted once each, although their first answer was lost`()
        async throws
    {
        try await Arena.runAlone { arena in
            let client = try await arena.producer(commandTimeout: .milliseconds(300))
            arena.server.freeze()
            async let running = arena.together(16) { _ in
                try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
            }
            await elapse(.milliseconds(500))
            arena.server.thaw()
            let receipts = await running
            #expect(receipts.allSatisfy { (try? $0.get().isAccepted) == true })
            #expect(try await arena.stats().enqueuedTotal == 17)
        }
    }

    @Test func `the enqueues of one task keep their order among those of others`() async throws {
        try await Arena.run { arena in
            let results = await arena.together(16) { caller in
                for step in 0..<8 {
                    try await arena.client.enqueue(payload: ByteBuffer(string: "\(caller) \(step)"), on: arena.queue)
                }
            }
            for result in results { try result.get() }
            let consumer = try ConsumerID(name: "reader")
            let claim = try await arena.client.store.claim(
                200, from: arena.queue, for: consumer, lease: .seconds(30))
            var steps: [Substring: [Substring]] = [:]
            for job in claim.jobs {
                let words = String(buffer: job.payload).split(separator: " ")
                steps[words[0], default: []].append(words[1])
            }
            #expect(steps.count == 16)
            for (caller, order) in steps { #expect(order == order.sorted(), "caller \(caller)") }
        }
    }

    @Test func `when the client is closed what was sent is unconfirmed, and what was not is closed`() async throws {
        try await Arena.runAlone { arena in
            let client = try await arena.producer()
            try await arena.holdWrites()
            async let running = arena.together(16) { _ in
                try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
            }
            try await arena.waitForHeldCall()
            await client.close()
            let codes = await running.map(\.code)
            #expect(codes.contains(.unconfirmed), "the call that is held was sent")
            #expect(codes.allSatisfy { $0 == .unconfirmed || $0 == .closed })
            try await arena.releaseWrites()
        }
    }
}

extension Result {
    /// What was thrown; `nil` = nothing.
    fileprivate var code: StintError.Code? {
        if case .failure(let error) = self { (error as? StintError)?.code } else { nil }
    }
}

extension Arena {
    /// Runs `body` in as many tasks at once.
    fileprivate func together<T: Sendable>(
        _ callers: Int, _ body: @escaping @Sendable (Int) async throws -> T
    ) async -> [Result<T, any Error>] {
        await withTaskGroup(of: (Int, Result<T, any Error>).self) { group in
            for caller in 0..<callers {
                group.addTask {
                    do { return (caller, .success(try await body(caller))) } catch { return (caller, .failure(error)) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// The same, with calls held until all tasks have begun: what they enqueue gathers behind the first ones.
    fileprivate func gathered<T: Sendable>(
        _ callers: Int, _ body: @escaping @Sendable (Int) async throws -> T
    ) async throws -> [Result<T, any Error>] {
        let begun = Notes<Int>()
        try await holdWrites()
        async let running = together(callers) { caller in
            begun.add(caller)
            return try await body(caller)
        }
        try await waitForHeldCall()
        _ = await eventually { begun.all.count == callers }
        try await releaseWrites()
        return await running
    }

    /// A client of its own, so that held calls do not hold the arena's. It has enqueued one job: the queue is open, and the
    /// server knows the script.
    fileprivate func producer(commandTimeout: Duration = .seconds(10)) async throws -> StintClient {
        let client = try await newClient(commandTimeout: commandTimeout)
        try await client.enqueue(payload: ByteBuffer(), on: queue)
        return client
    }

    /// How many script calls the server has run meanwhile.
    fileprivate func calls(_ body: () async throws -> Void) async throws -> Int {
        try await send("CONFIG", "RESETSTAT")
        try await body()
        let stats = try await info("commandstats")["cmdstat_evalsha"] ?? ""
        let calls = stats.split(separator: ",").first { $0.hasPrefix("calls=") }
        return Int(calls?.dropFirst("calls=".count) ?? "") ?? 0
    }
}
