import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// One node, one job, and a server that is away at the wrong moment.
    @Suite struct OutageTests {}
}

extension NodeTests.OutageTests {
    @Test func `an ack that cannot reach Redis arrives when it is back`() async throws {
        try await Arena.runAlone(persistence: .aofAlways) { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            try await arena.node(lease: .seconds(600), handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            try await arena.server.kill()
            gate.open()
            try await arena.log.wait { $0.ended?.settle == .ack }
            try await arena.server.restart()
            try await arena.log.wait { $0.isAck }
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
            #expect(arena.log.runs == [id: 1])
        }
    }

    @Test func `an ack that was lost on its way is said again`() async throws {
        try await Arena.runAlone(persistence: .aofAlways) { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            try await arena.node(lease: .seconds(600), handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            arena.server.freeze()
            gate.open()
            try await arena.log.wait { $0.ended?.settle == .ack }
            // On its way to a server that dies before it reads it.
            await elapse(.milliseconds(100))
            try await arena.server.restart()
            try await arena.log.wait { $0.isAck }
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
            #expect(arena.log.runs == [id: 1])
        }
    }

    @Test func `a server that freezes for less than the lease costs no run`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let ids = try await arena.enqueue("gate", Array(repeating: "", count: 8))
            try await arena.node("a", handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.node("b", handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait(8) { $0.began != nil }
            arena.server.freeze()
            await elapse(.milliseconds(700))
            gate.open()
            try await arena.log.wait(8) { $0.ended?.settle == .ack }
            arena.server.thaw()
            try await arena.log.wait(8) { $0.isAck }
            #expect(arena.log.lapses.isEmpty)
            #expect(arena.log.runs == Dictionary(uniqueKeysWithValues: ids.map { ($0, 1) }))
        }
    }

    @Test func `jobs of a claim whose reply was lost are handed back long before their lease is over`() async throws {
        try await Arena.runAlone { arena in
            // The server must know the script, or it will not run the claim that nobody waits for.
            _ = try await arena.client.store.claim(
                1, from: arena.queue, for: ConsumerID(name: "other"), lease: .seconds(1))
            // By the node's own client, so that it has opened the queue before the server freezes.
            let journal = Journal()
            let client = try await arena.newClient(commandTimeout: .seconds(3), journal: journal)
            let id = try await client.enqueue(payload: ByteBuffer(), type: "noop", on: arena.queue).id
            arena.server.freeze()
            // The claim reaches the frozen server, and is run when the node has given it up.
            try await arena.node(lease: .seconds(600), client: client, handlers: ["noop": Handler { _ in }])
            let isGivenUp = await eventually { !journal.entries("claim failed").isEmpty }
            #expect(isGivenUp)
            arena.server.thaw()
            let acked = try await arena.log.wait { $0.isAck }
            #expect(acked.settled?.job.id == id)
            #expect(acked.settled?.job.tries.attempt == 1)
            #expect(arena.log.entries.contains { $0.isRecovery })
            #expect(try await arena.stats().releasedTotal == 1)
        }
    }

    @Test func `an idle node hears of new jobs again after its connections were cut`() async throws {
        try await Arena.runAlone { arena in
            try await arena.node(polls: false, handlers: ["noop": Handler { _ in }])
            for _ in 0..<3 {
                try await arena.waitForListeners()
                try await arena.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                try await arena.waitForListeners()
                let id = try await arena.enqueue("noop")
                try await arena.log.wait { $0.began?.id == id }
            }
        }
    }

    @Test func `a node stops within its grace and some seconds although the server does not answer`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            try await arena.enqueue("gate")
            let node = try await arena.node(
                lease: .seconds(600), grace: .seconds(1), client: arena.newClient(commandTimeout: .seconds(600)),
                handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            arena.server.freeze()
            let askedAt = ContinuousClock.now
            node.stop()
            await node.stopped()
            let time = ContinuousClock.now - askedAt
            arena.server.thaw()
            // Some nine seconds by its own bounds; what it waits for would come in ten minutes.
            #expect(time < .seconds(60), "\(time)")
        }
    }

    @Test
    func `a lease that cannot be confirmed is given up, and a late success is refused once another holds the job`()
        async throws
    {
        try await Arena.runAlone { arena in
            let (zombie, heir) = (Gate(), Gate())
            let id = try await arena.enqueue("gate")
            let handler = Handler { context in
                if context.lapses == 0 { await zombie.passStubbornly() } else { try await heir.pass() }
            }
            try await arena.node("zombie", concurrency: 1, lease: .milliseconds(600), handlers: ["gate": handler])
            try await arena.log.wait { $0.began?.id == id }
            arena.server.freeze()
            try await arena.log.wait { $0.lost?.id == id }
            arena.server.thaw()
            try await arena.node("heir", concurrency: 1, handlers: ["gate": handler])
            let second = try await arena.log.wait { $0.node == "heir" && $0.began?.id == id }
            #expect((second.began?.tries.lapses, second.began?.tries.attempt) == (1, 2))
            zombie.open()
            #expect(try await arena.log.wait { $0.refused != nil }.refused?.refusal == .stale)
            #expect(try await arena.client.state(of: id, on: arena.queue) == .leased)
            heir.open()
            #expect(try await arena.log.wait { $0.isAck }.node == "heir")
            #expect(try await arena.stats().ackedTotal == 1)
        }
    }
}
