import Stint
import StintCore
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Every reason that there is, on a real server.
    @Suite struct ExplainTests {}
}

extension NodeTests.ExplainTests {
    private func explain(_ id: JobID, _ arena: Arena) async throws -> Explanation {
        try await arena.client.explain(id, on: arena.queue, measuring: .milliseconds(20))
    }

    private func consumer() throws -> ConsumerID { try ConsumerID(name: "c") }

    /// Enters a node in the register that is nothing but its word.
    private func enter(
        _ arena: Arena, running: Int = 0, slots: Int = 4, types: String? = nil, state: String = "working"
    ) async throws {
        let types = types.map { #","types":[\#($0)]"# } ?? ""
        let about =
            #"{"queues":["\#(arena.queue)"],"concurrency":\#(slots),"running":\#(running),"state":"\#(state)"\#(types)}"#
        try await arena.client.store.beat(
            consumer(), about: about, queues: [arena.queue], keep: .seconds(3600))
    }

    /// On a server of its own: the register is everybody's.
    private func run(_ body: (Arena) async throws -> Void) async throws { try await Arena.runAlone(body) }

    private func claim(_ arena: Arena, lease: Duration = .seconds(60)) async throws -> Held {
        let claim = try await arena.client.store.claim(1, from: arena.queue, for: consumer(), lease: lease)
        let job = try #require(claim.jobs.first)
        return Held(id: job.id, token: job.token)
    }

    private func fail(_ arena: Arena, _ verdict: Nack.Verdict = .retry, delay: Duration = .seconds(180)) async throws {
        let (queue, store, consumer) = (arena.queue, arena.client.store, try consumer())
        let job = try #require(
            try await store.claim(1, from: queue, for: consumer, lease: .seconds(60)).jobs.first)
        let held = Held(id: job.id, token: job.token)
        _ = try await store.nack(
            [Nack(held, verdict, delay: delay, maxFailures: 20, reason: "no route")], on: queue, by: consumer)
    }

    @Test func `an id that nobody knows, and one that is done`() async throws {
        try await Arena.run { arena in
            #expect(try await explain(JobID("nope"), arena) == .unknown)
            let id = try await arena.enqueue("a")
            let held = try await claim(arena)
            #expect(try await explain(id, arena) != .done)
            let consumers = try await arena.detail(id).consumer
            _ = try await arena.client.store.ack([held], on: arena.queue, by: try #require(consumers))
            #expect(try await explain(id, arena) == .done)
        }
    }

    @Test func `a dead job says why, and a cancelled one for what reason`() async throws {
        try await Arena.run { arena in
            let dead = try await arena.enqueue("a")
            try await fail(arena, .reject)
            guard case .dead(let since, "no route", 1, 0) = try await explain(dead, arena) else {
                Issue.record("it should be dead")
                return
            }
            #expect(try await arena.detail(dead).whenMs == since)
            let off = try await arena.enqueue("a")
            try await arena.client.cancel(off, on: arena.queue, reason: "not wanted")
            guard case .cancelled(_, "not wanted") = try await explain(off, arena) else {
                Issue.record("it should be cancelled")
                return
            }
        }
    }

    @Test func `a job for later is not due, and one that failed waits for its retry`() async throws {
        try await Arena.run { arena in
            let later = try await arena.enqueue("a", due: .after(.seconds(600)))
            guard case .notDue(let due, let wait) = try await explain(later, arena) else {
                Issue.record("it should not be due")
                return
            }
            #expect(try await arena.detail(later).whenMs == due && wait > .seconds(500) && wait <= .seconds(600))
            let failed = try await arena.enqueue("a") { $0.maxFailures = 7 }
            try await fail(arena)
            let found = try await explain(failed, arena)
            guard case .waitsForRetry(_, let pause, 1, 7, "no route") = found else {
                Issue.record("it should wait for a retry: \(found)")
                return
            }
            #expect(pause > .seconds(100) && pause <= .seconds(180))
            #expect(found.description.hasSuffix("it has failed 1 time of 7 at most, the last time with: no route"))
        }
    }

    @Test func `a ready job of a paused queue`() async throws {
        try await run { arena in
            try await enter(arena)
            let id = try await arena.enqueue("a")
            try await arena.client.pause(arena.queue)
            #expect(try await explain(id, arena) == .paused)
        }
    }

    @Test func `a queue that no live node claims from, silent and quiet ones told apart`() async throws {
        try await run { arena in
            let id = try await arena.enqueue("a")
            #expect(try await explain(id, arena) == .noNode(silent: 0, quiet: 0))
            try await enter(arena, state: "quiet")
            #expect(try await explain(id, arena) == .noNode(silent: 0, quiet: 1))
            try await arena.send(
                "EVAL",
                "for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, id) end",
                "1", arena.client.store.keys.nodes)
            #expect(try await explain(id, arena) == .noNode(silent: 1, quiet: 0))
        }
    }

    @Test func `a type that none of the live nodes knows, and nodes that do not say what they know`() async throws {
        try await run { arena in
            let id = try await arena.enqueue("a")
            try await enter(arena, types: #""b","c""#)
            try await enter(arena, types: #""b""#)
            #expect(try await explain(id, arena) == .unknownType("a", nodes: 2))
            try await enter(arena)
            #expect(try await explain(id, arena) == .next)
        }
    }

    @Test func `nothing is before a job, or all slots are in use`() async throws {
        try await run { arena in
            let id = try await arena.enqueue("a")
            try await enter(arena, running: 3, slots: 3)
            #expect(try await explain(id, arena) == .noSlot(nodes: 1, slots: 3, ahead: 0))
            let second = try await arena.enqueue("a")
            #expect(try await explain(second, arena) == .noSlot(nodes: 1, slots: 3, ahead: 1))
            try await enter(arena, running: 1, slots: 2)
            #expect(try await explain(id, arena) == .next)
        }
    }

    @Test func `others come first: how many, and at which rate they are claimed`() async throws {
        try await run { arena in
            let ids = try await arena.enqueue("a", Array(repeating: "", count: 50))
            try await enter(arena)
            #expect(try await explain(ids[49], arena) == .behind(ahead: 49, perSecond: 0))
            let (client, queue) = (arena.client, arena.queue)
            async let found = client.explain(ids[49], on: queue, measuring: .seconds(2))
            // The measuring has begun when its first look at the register is over: claims until it ends are counted.
            var claimed = 0
            while claimed < 20 {
                claimed += try await client.store.claim(1, from: queue, for: consumer(), lease: .seconds(60)).jobs.count
                await elapse(.milliseconds(50))
            }
            guard case .behind(let ahead, let perSecond) = try await found else {
                Issue.record("it should be behind others")
                return
            }
            #expect((29..<50).contains(ahead) && perSecond > 0 && perSecond <= 20)
        }
    }

    @Test func `a queue without an order draws, and a job that was to be started before now will not run`() async throws
    {
        try await run { arena in
            let ids = try await arena.enqueue("a", ["", "", ""])
            try await enter(arena)
            try await arena.client.setOrder(.random, of: arena.queue)
            for id in ids { #expect(try await explain(id, arena) == .drawn(others: 2, perSecond: 0)) }
            let late = try await arena.enqueue("a") { $0.startBy = .at(ms: 1000) }
            #expect(try await explain(late, arena) == .expired(startByMs: 1000))
        }
    }

    @Test func `a running job, one that somebody wants cancelled, and one whose heartbeat is late`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("a")
            let held = try await claim(arena)
            let holder = try #require(try await arena.detail(id).consumer)
            let deadline = try #require(try await arena.detail(id).whenMs)
            let since = held.token.rawValue / 1000
            #expect(
                try await explain(id, arena)
                    == .running(consumer: holder, sinceMs: since, deadlineMs: deadline, cancelReason: nil))
            try await arena.client.cancel(id, on: arena.queue, reason: "late")
            #expect(
                try await explain(id, arena)
                    == .running(consumer: holder, sinceMs: since, deadlineMs: deadline, cancelReason: "late"))
            try await arena.endLeases()
            guard case .heartbeatLate(holder, since, let overdue) = try await explain(id, arena) else {
                Issue.record("its heartbeat should be late")
                return
            }
            #expect(overdue > .zero)
        }
    }

    @Test func `every reason is a sentence, and has a word of its own`() throws {
        let all: [Explanation] = [
            .unknown, .done, .dead(sinceMs: 1, reason: "r", failures: 2, lapses: 1), .cancelled(sinceMs: 1, reason: ""),
            .notDue(dueMs: 1, in: .seconds(200)), .paused, .noNode(silent: 1, quiet: 2), .unknownType("a", nodes: 1),
            .waitsForRetry(dueMs: 1, in: .seconds(3), failures: 2, maxFailures: 20, lastError: "e"),
            .drawn(others: 1, perSecond: 3), .expired(startByMs: 5), .behind(ahead: 812, perSecond: 20.3),
            .noSlot(nodes: 2, slots: 8, ahead: 3), .next,
            .running(consumer: nil, sinceMs: 1, deadlineMs: 2, cancelReason: nil),
            .heartbeatLate(consumer: try consumer(), sinceMs: 1, overdue: .seconds(4)),
        ]
        #expect(Set(all.map(\.code)).count == all.count)
        #expect(Set(all.map(\.description)).count == all.count)
        #expect(
            Explanation.behind(ahead: 812, perSecond: 20.3).description
                == "812 come before it: at the present rate of 21 in a second, about 40 s")
        #expect(
            Explanation.behind(ahead: 3, perSecond: 0).description
                == "3 come before it, and nothing was claimed from its queue in the last second")
        #expect(
            Explanation.noNode(silent: 1, quiet: 2).description
                == "no live node claims from its queue (1 node not heard of for 35 s, 2 nodes told to claim nothing more)"
        )
    }
}
