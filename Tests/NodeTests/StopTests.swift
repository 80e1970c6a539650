import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    @Suite struct StopTests {}
}

extension NodeTests.StopTests {
    @Test func `a graceful stop ends running jobs and hands back those that were not begun, uncounted`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = [
                "gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in },
            ]
            let first = try await arena.node("first", concurrency: 1, handlers: handlers) {
                $0.prefetchTime = .seconds(600)
            }
            // Tiny jobs make it claim ahead.
            try await arena.enqueue("noop", Array(repeating: "", count: 50))
            try await arena.log.wait(50) { $0.isAck }
            let ids = try await arena.enqueue("gate", Array(repeating: "", count: 6))
            try await arena.log.wait { $0.claimed?.count == 6 }
            try await arena.log.wait { $0.began?.id == ids[0] }
            first.stop()
            try await arena.log.wait(5) { $0.isRelease }
            gate.open()
            await first.stopped()
            #expect(arena.log.runs[ids[0]] == 1)
            #expect(arena.log.entries.contains { $0.isAck && $0.settled?.job.id == ids[0] })
            let stats = try await arena.stats()
            #expect((stats.ready, stats.leased, stats.lapsedTotal, stats.releasedTotal) == (5, 0, 0, 5))

            try await arena.node("second", concurrency: 1, handlers: handlers)
            try await arena.log.wait(56) { $0.isAck }
            let second = arena.log.entries.filter { $0.node == "second" }.compactMap(\.began)
            #expect(second.map(\.id) == Array(ids.dropFirst()))
            #expect(second.allSatisfy { $0.tries.attempt == 1 })
        }
    }

    @Test func `when the grace is over the handler is cancelled and its job released`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            let node = try await arena.node(
                grace: .milliseconds(200), handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            node.stop()
            await node.stopped()
            #expect(arena.log.entries.compactMap(\.settled).map(\.settle) == [.release(after: .zero)])
            let job = try await arena.detail(id)
            #expect(job.state == .ready)
            #expect(job.tries == .none)
        }
    }

    @Test func `a handler that ignores its cancellation does not keep the node or its job`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            let node = try await arena.node(
                grace: .zero, handlers: ["gate": Handler { _ in await gate.passStubbornly() }])
            try await arena.log.wait { $0.began != nil }
            node.stop()
            await node.stopped()
            #expect(try await arena.client.state(of: id, on: arena.queue) == .ready)
            #expect(try await arena.stats().releasedTotal == 1)
            gate.open()
            // The job is somebody else's now, whatever that handler says.
            try await arena.log.wait { $0.ended != nil }
            #expect(try await arena.client.state(of: id, on: arena.queue) == .ready)
        }
    }

    @Test func `a second stop ends the grace`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            let node = try await arena.node(
                grace: .seconds(3600), handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            node.stop()
            try await arena.log.wait { $0.isStopping }
            node.stop()
            await node.stopped()
            #expect(try await arena.client.state(of: id, on: arena.queue) == .ready)
        }
    }

    @Test func `an idle node stops at once and leaves the register`() async throws {
        try await Arena.runAlone { arena in
            let node = try await arena.node(grace: .seconds(3600), handlers: ["noop": Handler { _ in }])
            try await arena.waitForListeners()
            #expect(try await eventually { try await arena.client.inspector.nodes().count == 1 })
            let askedAt = ContinuousClock.now
            node.stop()
            await node.stopped()
            // Sooner than the time that it has for a server which does not answer.
            #expect(ContinuousClock.now - askedAt < .seconds(5))
            #expect(try await arena.client.inspector.nodes().isEmpty)
        }
    }

    @Test func `jobs of a claim that was under way when the node stopped are handed back`() async throws {
        try await Arena.runAlone { arena in
            // The server must know the script, or the claim takes a second call.
            let other = try ConsumerID(name: "other")
            _ = try await arena.client.store.claim(1, from: arena.queue, for: other, lease: .seconds(60))
            // By the node's own client, so that it has opened the queue when the server begins to hold writes.
            let client = try await arena.newClient()
            let id = try await client.enqueue(payload: ByteBuffer(), type: "noop", on: arena.queue).id
            try await arena.holdWrites()
            let node = try await arena.node(client: client, handlers: ["noop": Handler { _ in }])
            try await arena.waitForHeldCall()
            node.stop()
            try await arena.log.wait { $0.isStopping }
            try await arena.releaseWrites()
            await node.stopped()
            #expect(arena.log.entries.contains { $0.claimed?.first?.id == id })
            let job = try await arena.detail(id)
            #expect(job.state == .ready)
            #expect(job.tries == .none)
            #expect(arena.log.runs.isEmpty)
        }
    }

    @Test func `cancelling the task of a node is a graceful stop`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            let node = try await arena.node(handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            node.task.cancel()
            try await arena.log.wait { $0.isStopping }
            gate.open()
            await node.stopped()
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
        }
    }
}
