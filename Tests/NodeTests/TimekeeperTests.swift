import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Nodes that wait for due times, and nodes with many queues: what they ask the server for.
    @Suite struct TimekeeperTests {}
}

extension NodeTests.TimekeeperTests {
    @Test func `due times do not wake all nodes that could know of them`() async throws {
        try await Arena.runAlone { arena in
            let nodes = 10, jobs = 40
            let now = nowMs()
            for index in 0..<jobs {
                try await arena.enqueue("noop", due: .at(ms: now + 3000 + Int64(index) * 20))
            }
            // They start after the enqueues, so that each of them has asked for the next due time.
            for index in 0..<nodes { try await arena.node("n\(index)", handlers: ["noop": Handler { _ in }]) }
            try await arena.waitForListeners(nodes)
            let before = try await arena.calls(of: "evalsha")
            try await arena.log.wait(jobs) { $0.isAck }
            let calls = try await arena.calls(of: "evalsha") - before
            // An ack and two claims for each job, and three calls of each node for its poll and its register entry.
            #expect(calls <= jobs * 3 + nodes * 3, "\(calls)")
        }
    }

    @Test func `nodes that stop leave their alarms to one that stays`() async throws {
        try await Arena.runAlone { arena in
            let noop = ["noop": Handler { _ in }] as [JobType: Handler]
            let id = try await arena.enqueue("noop", due: .after(.seconds(3)))
            let told = [
                try await arena.node("a", polls: false, handlers: noop),
                try await arena.node("b", polls: false, handlers: noop),
            ]
            try await arena.waitForListeners(2)
            try await arena.node("c", polls: false, handlers: noop)
            try await arena.waitForListeners(3)
            for node in told {
                node.stop()
                await node.stopped()
            }
            // It never polls: somebody has to tell it.
            try await arena.log.wait { $0.began?.id == id }
        }
    }

    @Test func `another node stands in when the one that was told of a due time has died`() async throws {
        try await Arena.runAlone { arena in
            let id = try await arena.enqueue("noop", due: .after(.seconds(1)))
            let ghost = try ConsumerID(name: "ghost")
            let told = try await arena.client.store.claim(1, from: arena.queue, for: ghost, lease: .seconds(30))
            #expect(told.dueIn != nil)
            // It never polls.
            try await arena.node(polls: false, handlers: ["noop": Handler { _ in }])
            try await arena.log.wait { $0.began?.id == id }
        }
    }

    @Test func `a herd of due jobs becomes ready although no slot is free`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = [
                "gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in },
            ]
            try await arena.node(concurrency: 1, handlers: handlers)
            let blocker = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began?.id == blocker }
            let due = Due.at(ms: nowMs() + 1000)
            try await arena.enqueue("noop", Array(repeating: "", count: 3500), due: due)
            let urgent = try await arena.enqueue("noop", due: due) { $0.priority = 50 }
            try await arena.node("full", concurrency: 1, handlers: handlers)
            let other = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began?.id == other }
            let isReady = try await eventually { try await arena.stats().scheduled == 0 }
            #expect(isReady)
            gate.open()
            try await arena.log.wait(3503) { $0.isAck }
            let order = arena.log.entries.compactMap(\.began?.id)
            #expect(order.firstIndex(of: urgent)! < 10)
        }
    }

    @Test func `an idle node with 200 queues sends no more than one with one`() async throws {
        try await Arena.runAlone { arena in
            let queues = try (1..<200).map { NodeConfiguration.Queue(try QueueName("\(arena.queue)-\($0)")) }
            try await arena.node(handlers: ["noop": Handler { _ in }]) { $0.queues += queues }
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            try await arena.waitForListeners()
            let before = try await arena.callsOfNodes()
            await elapse(.seconds(6))
            // Two polls at most, and one register entry.
            #expect(try await arena.callsOfNodes() - before <= 4)
        }
    }

    @Test func `a node with 300 queues finds jobs that were there before it, without a claim for each queue`()
        async throws
    {
        try await Arena.runAlone { arena in
            let id = try await arena.enqueue("noop")
            try await arena.send("DEL", arena.key("wake"))
            let queues = try (1..<300).map { NodeConfiguration.Queue(try QueueName("\(arena.queue)-\($0)")) }
            try await arena.node(handlers: ["noop": Handler { _ in }]) { $0.queues = queues + $0.queues }
            try await arena.log.wait { $0.began?.id == id }
            try await arena.log.wait { $0.isAck }
            // Three looks, a claim, an ack, a register entry, and at most three looks of a poll.
            #expect(try await arena.calls(of: "evalsha") + arena.calls(of: "eval") <= 12)
        }
    }
}

extension Arena {
    /// Script calls and waits for marks. The server counts in the same way what scripts run inside: those are not asked for.
    func callsOfNodes() async throws -> Int {
        var calls = 0
        for command in ["evalsha", "eval", "blpop"] { calls += try await self.calls(of: command) }
        return calls
    }
}

@Suite struct ServerTimeTests {
    private let start = ContinuousClock.now

    private func at(_ ms: Double) -> ContinuousClock.Instant { start.advanced(by: .microseconds(Int64(ms * 1000))) }

    @Test func `the quickest call tells the time best`() {
        var clock = ServerTime()
        clock.note(serverUs: 1_000_000, sentAt: at(0), receivedAt: at(0.2))
        clock.note(serverUs: 1_009_800, sentAt: at(1), receivedAt: at(19))
        #expect(clock.instant(ofServerUs: 1_100_000) == at(100.1))
    }

    @Test func `a slower call counts when the quick one is long ago`() {
        var clock = ServerTime()
        clock.note(serverUs: 1_000_000, sentAt: at(0), receivedAt: at(0.2))
        clock.note(serverUs: 61_000_000, sentAt: at(60_000), receivedAt: at(60_001))
        #expect(clock.instant(ofServerUs: 61_000_000) == at(60_000.5))
    }

    @Test func `a clock that was set is believed at once`() {
        var clock = ServerTime()
        clock.note(serverUs: 1_000_000, sentAt: at(0), receivedAt: at(0.2))
        clock.note(serverUs: 9_000_000, sentAt: at(1), receivedAt: at(3))
        #expect(clock.instant(ofServerUs: 9_000_000) == at(2))
    }
}
