import Logging
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Nodes with more than one queue: what one of them is like is nothing to the others.
    @Suite struct QueuesTests {}
}

extension NodeTests.QueuesTests {
    @Test func `a queue whose claims are refused does not slow the others, and is claimed again when it is mended`()
        async throws
    {
        try await Arena.run { arena in
            let (bad, journal) = (try QueueName(RedisServer.uniqueQueue("bad")), Journal())
            let stuck = try await arena.enqueue("noop", on: bad)
            let (ready, aside) = (arena.key("ready", of: bad), arena.key("aside", of: bad))
            try await arena.send("RENAME", ready, aside)
            try await arena.send("SET", ready, "not a sorted set")
            try await arena.node(
                polls: false, client: arena.newClient(journal: journal), handlers: ["noop": Handler { _ in }]
            ) { $0.queues.append(.init(bad)) }
            let isRefused = await eventually { journal.entries("claims are refused").count == 1 }
            #expect(isRefused)
            // Long enough for a second refusal.
            var delays: [Duration] = []
            for _ in 0..<25 {
                let sentAt = ContinuousClock.now
                let id = try await arena.enqueue("noop")
                delays.append(try await arena.log.wait { $0.began?.id == id }.at - sentAt)
                await elapse(.milliseconds(100))
            }
            // Most of them, as any one may meet a slow moment of the machine. The attempts at the bad one are two seconds apart.
            #expect(delays.sorted()[12] < .seconds(1), "\(delays)")
            let errors = journal.entries("claims are refused")
            #expect(errors.map(\.level) == [.error])
            #expect(errors.first?.metadata["queue"] == "\(bad)")
            #expect(arena.log.runs[stuck] == nil)
            try await arena.send("DEL", ready)
            try await arena.send("RENAME", aside, ready)
            try await arena.log.wait { $0.began?.id == stuck }
        }
    }

    @Test func `a node that may not listen for marks says so once, and finds jobs by its poll`() async throws {
        try await Arena.runAlone { arena in
            try await arena.send("ACL", "SETUSER", "default", "-blpop")
            let journal = Journal()
            try await arena.node(client: arena.newClient(journal: journal), handlers: ["noop": Handler { _ in }]) {
                $0.longestPoll = .milliseconds(200)
            }
            let isRefused = await eventually { journal.entries("wake-ups are refused").count == 1 }
            #expect(isRefused)
            for _ in 0..<5 {
                let id = try await arena.enqueue("noop")
                try await arena.log.wait { $0.began?.id == id }
            }
            #expect(journal.entries("wake-ups are refused").map(\.level) == [.error])
        }
    }

    @Test func `a strict node runs a later queue's jobs when the earlier ones have none`() async throws {
        try await Arena.run { arena in
            let (first, last) = (
                try QueueName(RedisServer.uniqueQueue("x")), try QueueName(RedisServer.uniqueQueue("y"))
            )
            let queues = [first, arena.queue, last]
            var ids: [QueueName: [JobID]] = [:]
            for queue in queues.reversed() {
                for _ in 0..<12 { ids[queue, default: []].append(try await arena.enqueue("noop", on: queue)) }
            }
            try await arena.node(concurrency: 1, handlers: ["noop": Handler { _ in }]) { configuration in
                configuration.isStrict = true
                configuration.queues = queues.map { .init($0) }
                configuration.prefetchTime = .zero
            }
            try await arena.log.wait(36) { $0.isAck }
            #expect(arena.log.entries.compactMap { $0.began?.id } == queues.flatMap { ids[$0] ?? [] })
        }
    }

    @Test func `a job of a cold queue does not wait for the backlog of another one`() async throws {
        try await Arena.run { arena in
            let cold = try QueueName(RedisServer.uniqueQueue("cold"))
            let handlers: [JobType: Handler] = [
                "long": Handler { _ in await elapse(.milliseconds(20)) }, "noop": Handler { _ in },
            ]
            try await arena.enqueue("long", Array(repeating: "", count: 3000))
            try await arena.node(concurrency: 2, handlers: handlers) { $0.queues.append(.init(cold)) }
            // By now it knows that the other one is empty.
            try await arena.log.wait(20) { $0.isAck }
            for _ in 0..<4 {
                let id = try await arena.enqueue("noop", on: cold)
                try await arena.log.wait { $0.claimed?.contains { $0.id == id } ?? false }
            }
            // All of that long before the end of the backlog.
            #expect(try await arena.stats().ready > 1000)
        }
    }

    @Test func `a job that comes due while the node is full runs next, before the backlog of another queue`()
        async throws
    {
        try await Arena.runAlone { arena in
            let (timed, gate) = (try QueueName(RedisServer.uniqueQueue("timed")), Gate())
            let id = try await arena.enqueue("gate", on: timed, due: .after(.seconds(3600)))
            let handlers: [JobType: Handler] = ["gate": Handler { _ in try await gate.pass() }]
            try await arena.node(concurrency: 1, handlers: handlers) { configuration in
                configuration.queues.append(.init(timed))
                configuration.prefetchTime = .zero
            }
            try await arena.waitForListeners()
            try await arena.enqueue("gate", Array(repeating: "", count: 20))
            try await arena.log.wait { $0.began != nil }
            try await arena.client.reschedule(id, on: timed, to: .after(.milliseconds(300)))
            // By this node: there is no other.
            let isReady = try await eventually { try await arena.client.stats(of: timed).ready == 1 }
            #expect(isReady)
            gate.open()
            try await arena.log.wait(21) { $0.isAck }
            #expect(arena.log.entries.compactMap { $0.began?.id }.firstIndex(of: id) == 1)
        }
    }

    @Test func `a node with several queues takes at most 400 jobs from one at a time`() async throws {
        try await Arena.runAlone { arena in
            let other = try QueueName(RedisServer.uniqueQueue("other"))
            try await arena.node(concurrency: 1000, handlers: ["noop": Handler { _ in }]) {
                $0.queues.append(.init(other))
            }
            try await arena.waitForListeners()
            try await arena.enqueue("noop", Array(repeating: "", count: 1000))
            try await arena.log.wait(1000) { $0.isAck }
            let claims = arena.log.entries.compactMap { $0.claimed?.count }
            #expect(claims.max() ?? 0 <= 400, "\(claims)")
        }
    }

    @Test func `a node that is full hardly asks what else there is`() async throws {
        try await Arena.runAlone { arena in
            let (cold, gate) = (try QueueName(RedisServer.uniqueQueue("cold")), Gate())
            try await arena.enqueue("gate", ["", "", ""])
            let handlers: [JobType: Handler] = [
                "gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in },
            ]
            try await arena.node(concurrency: 2, handlers: handlers) { $0.queues.append(.init(cold)) }
            try await arena.log.wait(2) { $0.began != nil }
            let (before, beganAt) = (try await arena.topLevelCalls(), ContinuousClock.now)
            await elapse(.seconds(2))
            let calls = try await arena.topLevelCalls() - before
            // Four looks a second, and two calls for its register entry and its poll.
            #expect(calls <= 3 + Int((ContinuousClock.now - beganAt) / .milliseconds(200)))
            gate.open()
            let id = try await arena.enqueue("noop", on: cold)
            try await arena.log.wait { $0.began?.id == id }
        }
    }

    @Test func `twenty idle queues, a paused one and a refused one cost a claim each for a poll, and no more`()
        async throws
    {
        try await Arena.runAlone { arena in
            let paused = try QueueName(RedisServer.uniqueQueue("paused"))
            let bad = try QueueName(RedisServer.uniqueQueue("bad"))
            try await arena.enqueue("noop", on: paused)
            try await arena.client.pause(paused)
            try await arena.send("SET", arena.key("ready", of: bad), "not a sorted set")
            let idle = try (0..<19).map { _ in try QueueName(RedisServer.uniqueQueue()) }
            try await arena.node(handlers: ["noop": Handler { _ in }]) { configuration in
                for queue in idle + [paused, bad] { configuration.queues.append(.init(queue)) }
            }
            try await arena.waitForListeners()
            let (before, beganAt) = (try await arena.topLevelCalls(), ContinuousClock.now)
            await elapse(.seconds(4))
            let calls = try await arena.topLevelCalls() - before
            let seconds = (ContinuousClock.now - beganAt) / .seconds(1)
            // A poll every five seconds or so, an attempt at the refused queue every two, and one command a second.
            let most = 22 * (1 + Int(seconds / 4.5)) + Int(seconds / 2) + Int(seconds.rounded(.up))
            #expect(calls <= most, "\(seconds) s")
            #expect(arena.log.runs.isEmpty)
        }
    }
}

extension Arena {
    /// The calls that nodes make. The commands inside of their scripts are not counted.
    func topLevelCalls() async throws -> Int {
        var sum = 0
        for command in ["evalsha", "eval", "blpop", "lpush", "hsetnx"] { sum += try await calls(of: command) }
        return sum
    }
}
