import NIOCore
import Stint
import StintCore
import StintStore
import StintTesting
import Testing

extension NodeTests {
    @Suite struct PullTests {}
}

extension NodeTests.PullTests {
    @Test func `claimed jobs carry all that is needed, and are settled in batches`() async throws {
        try await Arena.run { arena in
            let ids = try await arena.enqueue("a", ["one", "two", "three"])
            let puller = try arena.client.puller(for: arena.queue, name: "me")
            let jobs = try await puller.claim(10)
            #expect(jobs.map(\.id) == ids && jobs.map { String(buffer: $0.payload) } == ["one", "two", "three"])
            #expect(
                jobs.allSatisfy { $0.attempt == 1 && $0.type == "a" && $0.isHeld && $0.consumer == puller.consumer })
            #expect(puller.consumer.name == "me" && puller.consumer.nonce.count == 13)
            #expect(jobs[0].idempotencyKey == "\(arena.queue)/\(ids[0])")
            #expect(try await puller.ack(jobs).isEmpty)
            #expect(try await arena.stats().ackedTotal == 3)
            #expect(try await puller.claim().isEmpty)
        }
    }

    @Test func `the deadline leaves a margin, and moves with an extension`() async throws {
        try await Arena.run { arena in
            try await arena.enqueue("a")
            try await arena.enqueue("a") { $0.lease = .seconds(600) }
            let before = ContinuousClock.now
            let puller = try arena.client.puller(for: arena.queue, lease: .seconds(100))
            let jobs = try await puller.claim(2)
            // 100 s less 2 s, 600 s less 2 s: counted from before the claim was sent.
            let (first, second) = (jobs[0].deadline, jobs[1].deadline)
            #expect(first >= before + .seconds(98) && first <= .now + .seconds(98))
            #expect(second >= before + .seconds(598) && second <= .now + .seconds(598))
            let answers = try await puller.extend(jobs)
            guard case .extended(let again, nil) = answers[0] else {
                Issue.record("it should be extended")
                return
            }
            #expect(again.deadline > first && again.token == jobs[0].token)
        }
    }

    @Test func `a failed job follows its own policy and limit, or those of the puller`() async throws {
        try await Arena.run { arena in
            try await arena.enqueue("a") {
                $0.retry = .fixed(.seconds(900))
                $0.maxFailures = 2
            }
            try await arena.enqueue("a")
            let puller = try arena.client.puller(
                for: arena.queue, retry: RetryPolicy.fixed(.seconds(300), maxFailures: 1))
            let jobs = try await puller.claim(2)
            #expect(try await puller.nack(jobs, reason: "oops") == [.retried, .dead])
            let detail = try await arena.detail(jobs[0].id)
            #expect(try #require(detail.whenMs) - detail.tries.lastMs == 900_000)
            #expect(try await arena.detail(jobs[1].id).tries.reason == "oops")
        }
    }

    @Test func `a delay of one's own, a rejection, a release and a cancel`() async throws {
        try await Arena.run { arena in
            let puller = try arena.client.puller(for: arena.queue)
            let ids = try await arena.enqueue("a", ["1", "2", "3", "4"])
            let jobs = try await puller.claim(4)
            #expect(try await puller.nack([jobs[0]], reason: "later", delay: .seconds(50)) == [.retried])
            let detail = try await arena.detail(ids[0])
            #expect(try #require(detail.whenMs) - detail.tries.lastMs == 50_000)
            #expect(try await puller.reject([jobs[1]], reason: "never") == [.dead])
            #expect(try await puller.release([jobs[2]]).isEmpty)
            #expect(try await arena.detail(ids[2]).tries.attempt == 1)
            try await arena.client.cancel(ids[3], on: arena.queue, reason: "enough")
            guard case .extended(_, "enough") = try await puller.extend([jobs[3]])[0] else {
                Issue.record("it should be wanted cancelled")
                return
            }
            #expect(try await puller.cancel([jobs[3]], reason: "enough") == [.cancelled])
            #expect(try await arena.client.state(of: ids[3], on: arena.queue) == .cancelled)
        }
    }

    @Test func `who does not hold a job any more is told whether it is gone or another's`() async throws {
        try await Arena.run { arena in
            let ids = try await arena.enqueue("a", ["1", "2"])
            let puller = try arena.client.puller(for: arena.queue), other = try arena.client.puller(for: arena.queue)
            let jobs = try await puller.claim(2)
            try await puller.release(jobs)
            let taken = try await other.claim(1)
            #expect(taken.map(\.id) == [ids[0]])
            #expect(try await puller.ack(jobs) == [ids[0]: .stale, ids[1]: .gone])
            #expect(try await puller.release(jobs) == [ids[0]: .stale, ids[1]: .gone])
            #expect(try await puller.nack(jobs, reason: "") == [.refused(.stale), .refused(.gone)])
            let answers = try await puller.extend(jobs)
            guard case .refused(.stale) = answers[0], case .refused(.gone) = answers[1] else {
                Issue.record("both should be refused")
                return
            }
            #expect(try await other.ack(taken).isEmpty)
        }
    }

    @Test func `a puller takes back what has lapsed, where there is no node`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("a")
            let gone = try arena.client.puller(for: arena.queue, lease: .seconds(60))
            #expect(try await gone.claim().map(\.id) == [id])
            try await arena.endLeases()
            let jobs = try await arena.client.puller(for: arena.queue).claim()
            #expect(jobs.map(\.id) == [id] && jobs.map(\.attempt) == [2] && jobs.map(\.lapses) == [1])
        }
    }

    @Test func `a claim may wait for a job`() async throws {
        try await Arena.run { arena in
            let puller = try arena.client.puller(for: arena.queue)
            async let jobs = puller.claim(1, waitingUpTo: .seconds(60))
            let id = try await arena.enqueue("a")
            #expect(try await jobs.map(\.id) == [id])
        }
    }

    @Test func `what a claim without a reply has leased is released by the next one`() async throws {
        try await Arena.runAlone { arena in
            let proxy = try await FaultProxy(to: .unix(arena.server.socketPath))
            let client = try await StintClient(.redis(proxy.url).timeouts(command: .milliseconds(500)))
            let puller = try client.puller(for: arena.queue)
            let id = try await arena.enqueue("a")
            #expect(try await puller.claim().map(\.id) == [id])
            let next = try await arena.enqueue("a")
            proxy.set { $0.replies.isLost = true }
            let error = await #expect(throws: StintError.self) { _ = try await puller.claim() }
            #expect(error?.code == .unconfirmed)
            #expect(try await arena.detail(next).state == .leased)
            proxy.heal()
            proxy.cut()
            let again = try await claimed(by: puller)
            #expect(again.map(\.id) == [next] && again.map(\.attempt) == [1])
            #expect(try await arena.detail(id).state == .leased)
            await client.close()
            try await proxy.close()
        }
    }

    /// What a claim brings, once there is a connection again.
    private func claimed(by puller: StintPuller) async throws -> [LeasedJob] {
        let found = Notes<[LeasedJob]>()
        _ = await eventually {
            guard let jobs = try? await puller.claim(5) else { return false }
            found.add(jobs)
            return true
        }
        return found.all.flatMap { $0 }
    }

    @Test func `an encoded payload is decoded, and a job whose key is missing is handed back without a failure`()
        async throws
    {
        try await Arena.run { arena in
            let key = try PayloadKey(id: "a", bytes: Array(repeating: 7, count: 32))
            let client = try await StintClient(.redis(arena.server.url), codec: try AEADCodec(keys: [key]))
            let receipt = try await client.enqueue(payload: ByteBuffer(string: "secret"), on: arena.queue)
            #expect(try await arena.client.puller(for: arena.queue).claim().isEmpty)
            let detail = try await arena.detail(receipt.id)
            #expect(detail.state == .scheduled && detail.tries == .none)
            try await arena.send("ZADD", arena.key("scheduled"), "1", receipt.id.rawValue)
            let jobs = try await client.puller(for: arena.queue).claim()
            #expect(jobs.map { String(buffer: $0.payload) } == ["secret"])
            await client.close()
        }
    }

    @Test func `limits and leases out of range are refused before anything is sent`() async throws {
        try await Arena.run { arena in
            await #expect(throws: StintError.self) { try await arena.client.puller(for: arena.queue).claim(0) }
            #expect(throws: StintError.self) { try arena.client.puller(for: arena.queue, lease: .milliseconds(99)) }
            #expect(throws: StintError.self) { try arena.client.puller(for: arena.queue, name: "a b") }
        }
    }
}
