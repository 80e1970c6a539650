import Foundation
import Stint
import StintCore
import StintLocal
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Nodes in processes of their own, which die and freeze. A node of this process is there to inherit.
    @Suite struct KillTests {}
}

extension NodeTests.KillTests {
    @Test(arguments: ["claimed", "began", "ended"])
    func `a job whose node is killed before the ack is run again`(step: String) async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena, freezingAt: step)
            let id = try await arena.enqueue("noop")
            try await child.wait(step, id)
            try await child.kill()
            try await arena.endLeases()
            try await arena.node("heir", handlers: ["noop": Handler { _ in }])
            let acked = try await arena.log.wait { $0.isAck }
            #expect((acked.settled?.job.id, acked.settled?.job.tries.attempt) == (id, 2))
            let lapse = try #require(arena.log.entries.compactMap(\.lapse).first)
            #expect((lapse.id, lapse.consumer?.name, lapse.lapses) == (id, "child", 1))
            #expect(arena.log.runs == [id: 1])
            #expect(child.count("began") == (step == "claimed" ? 0 : 1))
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.lapsedTotal, stats.leased, stats.done) == (1, 1, 0, 1))
        }
    }

    @Test func `a job whose node is killed after the ack is not run again`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena, freezingAt: "settled")
            let id = try await arena.enqueue("noop")
            try await child.wait("settled", id)
            try await child.kill()
            try await arena.endLeases()
            try await arena.node("heir", handlers: ["noop": Handler { _ in }])
            let next = try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            #expect(arena.log.runs == [next: 1])
            #expect(try await arena.stats().ackedTotal == 2)
        }
    }

    @Test func `no job is lost when nodes are killed again and again in the middle of their work`() async throws {
        try await Arena.run { arena in
            let ids = try await arena.enqueue("gate", Array(repeating: "", count: 60)) { $0.maxLapses = 100 }
            for round in 0..<3 {
                let child = try await ChildNode(arena, "child\(round)", concurrency: 60)
                try await child.wait("began", count: 60)
                try await child.kill()
                try await arena.endLeases()
            }
            try await arena.node("heir", concurrency: 60, handlers: ["gate": Handler { _ in }])
            try await arena.log.wait(60) { $0.isAck }
            #expect(arena.log.entries.filter(\.isAck).allSatisfy { $0.settled?.job.tries.lapses == 3 })
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.done, stats.leased, stats.ready) == (ids.count, ids.count, 0, 0))
        }
    }

    @Test func `a poison job that kills every node is buried, and its last holder named`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("gate")
            for round in 0..<3 {
                let child = try await ChildNode(arena, "victim\(round)")
                try await child.wait("began", id)
                try await child.kill()
                try await arena.endLeases()
            }
            try await arena.node("heir", handlers: ["gate": Handler { _ in }])
            #expect(try await arena.log.wait { $0.lapse?.outcome == .dead }.lapse?.id == id)
            let job = try await arena.detail(id)
            #expect(job.state == .dead)
            #expect(job.tries.reason.hasPrefix("poison: ") && job.tries.reason.contains("victim2"))
            #expect(arena.log.runs.isEmpty)
        }
    }

    @Test func `a frozen node loses its job, and cannot settle it when it wakes up`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let child = try await ChildNode(arena)
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            child.process.signal(SIGSTOP)
            try await arena.endLeases()
            try await arena.node("heir", handlers: ["gate": Handler { _ in try await gate.pass() }])
            let began = try await arena.log.wait { $0.began?.id == id }
            // Its handler returns at the moment when it wakes up. It still believes in its lease; the store does not.
            child.openGate()
            child.process.signal(SIGCONT)
            let ended = try await child.wait("ended", id)
            #expect(ended[4] == "ack")
            #expect(try await child.wait("refused", id)[4].hasPrefix("stale"))
            #expect(try await arena.client.state(of: id, on: arena.queue) == .leased)
            gate.open()
            let acked = try await arena.log.wait { $0.isAck }
            #expect(acked.settled?.job.token == began.began?.token)
            #expect(child.count("settled") == 0)
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.lapsedTotal, stats.done) == (1, 1, 1))
            try await child.kill()
        }
    }

    @Test func `the handler of a node that was frozen for too long is cancelled, and nothing is settled for it`()
        async throws
    {
        try await Arena.run { arena in
            let child = try await ChildNode(arena, lease: .seconds(2))
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            child.process.signal(SIGSTOP)
            // By the time when the lease has lapsed the child's own clock says so, too.
            try await arena.node("heir", handlers: ["gate": Handler { _ in }])
            try await arena.log.wait { $0.isAck }
            child.process.signal(SIGCONT)
            try await child.wait("lost", id)
            #expect(try await child.wait("ended", id)[4] == "nothing")
            #expect(child.count("settled") == 0)
            #expect(try await arena.stats().ackedTotal == 1)
            try await child.kill()
        }
    }

    @Test func `a node that is frozen for less than a third of its lease loses nothing`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena, lease: .seconds(8))
            let ids = try await arena.enqueue("gate", ["", "", ""])
            try await child.wait("began", count: 3)
            try await arena.node("heir", handlers: ["gate": Handler { _ in }])
            @Sendable func deadlineMs() async throws -> Int64 {
                var deadlines: [Int64] = []
                for id in ids { deadlines.append(try #require(try await arena.detail(id).whenMs)) }
                return try #require(deadlines.min())
            }
            child.process.signal(SIGSTOP)
            await elapse(.milliseconds(900))
            let beforeMs = try await deadlineMs()
            child.process.signal(SIGCONT)
            // Its heartbeats go on.
            #expect(try await eventually { try await deadlineMs() > beforeMs + 1000 })
            child.openGate()
            try await child.wait("settled", count: 3)
            #expect(arena.log.runs.isEmpty && arena.log.lapses.isEmpty)
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.lapsedTotal) == (ids.count, 0))
            try await child.kill()
        }
    }

    @Test func `SIGTERM lets running jobs end and exits with 0`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena)
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            child.process.signal(SIGTERM)
            try await child.wait("stopping")
            let late = try await arena.enqueue("gate")
            child.openGate()
            #expect(try await child.process.waitForExit() == .code(0))
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
            #expect(try await arena.client.state(of: late, on: arena.queue) == .ready)
        }
    }

    @Test func `SIGTERM releases what does not end within the grace and exits with 0`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena, grace: .milliseconds(200))
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            child.process.signal(SIGTERM)
            #expect(try await child.process.waitForExit() == .code(0))
            let job = try await arena.detail(id)
            #expect(job.state == .ready)
            #expect(job.tries == .none)
            #expect(try await arena.stats().leased == 0)
        }
    }

    @Test func `handlers that block every thread of the pool for longer than a lease lose no lease`() async throws {
        try await Arena.run { arena in
            // Four rounds of 1.8 s, and a lease that bears a heartbeat which is two seconds late.
            let count = 4 * ProcessInfo.processInfo.activeProcessorCount
            let child = try await ChildNode(arena, concurrency: count, lease: .seconds(6))
            let ids = try await arena.enqueue("block", Array(repeating: "1800", count: count))
            try await child.wait("claimed", count: count)
            // It takes whatever lapses.
            try await arena.node("heir", handlers: ["block": Handler { _ in }])
            try await child.wait("settled", count: count)
            #expect((child.count("began"), child.count("lost"), child.count("refused")) == (count, 0, 0))
            #expect(arena.log.runs.isEmpty && arena.log.lapses.isEmpty)
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.lapsedTotal) == (ids.count, 0))
            try await child.kill()
        }
    }
}
