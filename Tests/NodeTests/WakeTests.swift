import NIOCore
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// The polls of these nodes come every five seconds: what happens sooner was not a poll.
    @Suite struct WakeTests {}
}

extension NodeTests.WakeTests {
    @Test func `an idle node starts a job within milliseconds`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node(handlers: ["noop": Handler { _ in }])
            var delays: [Duration] = []
            for _ in 0..<9 {
                try await arena.waitForListeners()
                let sentAt = ContinuousClock.now
                let id = try await arena.enqueue("noop")
                delays.append(try await arena.log.wait { $0.began?.id == id }.at - sentAt)
            }
            #expect(delays.sorted()[4] < .milliseconds(50), "\(delays)")
        }
    }

    @Test func `an idle node sends at most one command a second`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node(handlers: ["noop": Handler { _ in }])
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            try await arena.waitForListeners()
            let before = try await arena.commandsOfNodes()
            await elapse(.seconds(3))
            #expect(try await arena.commandsOfNodes() - before <= 3)
        }
    }

    @Test func `one mark wakes one of two idle nodes`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node("a", handlers: ["noop": Handler { _ in }])
            try await arena.node("b", handlers: ["noop": Handler { _ in }])
            try await arena.waitForListeners(2)
            try await arena.send("CONFIG", "RESETSTAT")
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            try await arena.waitForListeners(2)
            // Counted when it ends: the other node's has not.
            #expect(try await arena.calls(of: "blpop") == 1)
        }
    }

    @Test func `a node that is full hands the mark on`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = [
                "gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in },
            ]
            try await arena.node("full", concurrency: 1, handlers: handlers)
            // It listens, and goes on listening when its clock tells it to claim: so the next mark is its own.
            let blocker = try await arena.enqueue("gate", due: .after(.milliseconds(200)))
            try await arena.log.wait { $0.began?.id == blocker }
            try await arena.waitForListeners(1)
            try await arena.node("free", concurrency: 1, handlers: handlers)
            try await arena.waitForListeners(2)
            let sentAt = ContinuousClock.now
            let id = try await arena.enqueue("noop")
            let began = try await arena.log.wait { $0.began?.id == id }
            #expect(began.node == "free")
            #expect(began.at - sentAt < .seconds(2))
            gate.open()
        }
    }

    @Test func `a scheduled job starts on time when the node already sleeps`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node(handlers: ["noop": Handler { _ in }])
            try await arena.waitForListeners()
            let sentAt = ContinuousClock.now
            let id = try await arena.enqueue("noop", due: .after(.milliseconds(400)))
            let delay = try await arena.log.wait { $0.began?.id == id }.at - sentAt
            #expect(delay >= .milliseconds(399) && delay < .milliseconds(600), "\(delay)")
        }
    }

    @Test func `jobs that are due together wake as many idle nodes as they need`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            for name in ["a", "b", "c"] {
                try await arena.node(
                    name, concurrency: 1, handlers: ["gate": Handler { _ in try await gate.pass() }])
            }
            try await arena.waitForListeners(3)
            let sentAt = ContinuousClock.now
            try await arena.enqueue("gate", ["", "", ""], due: .after(.milliseconds(500)))
            let last = try await arena.log.wait(3) { $0.began != nil }
            #expect(last.at - sentAt < .milliseconds(800), "\(last.at - sentAt)")
            #expect(Set(arena.log.entries.filter { $0.began != nil }.map(\.node)).count == 3)
            gate.open()
        }
    }

    @Test func `an earlier job moves the alarm forward`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node(handlers: ["noop": Handler { _ in }])
            try await arena.enqueue("noop", due: .after(.seconds(3600)))
            try await arena.waitForListeners()
            let sentAt = ContinuousClock.now
            let id = try await arena.enqueue("noop", due: .after(.milliseconds(200)))
            let delay = try await arena.log.wait { $0.began?.id == id }.at - sentAt
            #expect(delay < .milliseconds(500), "\(delay)")
        }
    }

    @Test func `a paused queue stands still, and its resume wakes the node`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node(handlers: ["noop": Handler { _ in }])
            try await arena.client.pause(arena.queue)
            let id = try await arena.enqueue("noop")
            // The mark of the enqueue has been taken, and the claim has brought nothing.
            #expect(try await eventually { try await arena.send("LLEN", arena.key("wake")).integer == 0 })
            try await arena.waitForListeners()
            #expect(arena.log.runs.isEmpty)
            let sentAt = ContinuousClock.now
            try await arena.client.resume(arena.queue)
            let began = try await arena.log.wait { $0.began?.id == id }
            #expect(began.at - sentAt < .seconds(1))
        }
    }

    @Test func `a node that was full to the last slot listens again when one is free`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = [
                "gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in },
            ]
            try await arena.node(concurrency: 2, handlers: handlers)
            // Tiny jobs make it claim ahead: then a claim may fill every slot and still leave the queue empty.
            try await arena.enqueue("noop", Array(repeating: "", count: 100))
            try await arena.log.wait(100) { $0.isAck }
            try await arena.enqueue("gate", ["", ""])
            try await arena.log.wait(102) { $0.began != nil }
            gate.open()
            try await arena.log.wait(102) { $0.isAck }
            let sentAt = ContinuousClock.now
            let id = try await arena.enqueue("noop")
            let delay = try await arena.log.wait { $0.began?.id == id }.at - sentAt
            #expect(delay < .milliseconds(500), "\(delay)")
        }
    }

    @Test func `a node that was never idle reaps too`() async throws {
        try await Arena.run { arena in
            let orphan = try await arena.enqueue("noop")
            let ghost = try ConsumerID(name: "ghost")
            let claim = try await arena.client.store.claim(1, from: arena.queue, for: ghost, lease: .milliseconds(300))
            #expect(claim.jobs.map(\.id) == [orphan])
            // Each run leaves another job: every claim brings as many as it asked for, and so says nothing of deadlines.
            let busy = Handler { _ in _ = try await arena.enqueue("busy", ["", ""]) }
            try await arena.enqueue("busy", ["", "", ""])
            try await arena.node(
                concurrency: 1, lease: .milliseconds(600), handlers: ["busy": busy, "noop": Handler { _ in }]
            ) { $0.prefetchTime = .zero }
            let lapsed = try await arena.log.wait(within: .seconds(5)) { $0.lapse != nil }
            #expect(lapsed.lapse?.id == orphan)
            #expect(lapsed.lapse?.consumer == ghost)
        }
    }
}

extension Arena {
    /// How many commands the server has run for others than this arena's own client.
    func commandsOfNodes() async throws -> Int {
        let stats = try await info("commandstats")
        return stats.reduce(0) { $1.key == "cmdstat_info" ? $0 : $0 + Self.calls($1.value) }
    }

    func calls(of command: String) async throws -> Int {
        try await info("commandstats")["cmdstat_" + command].map(Self.calls) ?? 0
    }

    private static func calls(_ fields: String) -> Int {
        let first = fields.split(separator: ",").first?.split(separator: "=").last
        return first.flatMap { Int($0) } ?? 0
    }
}
