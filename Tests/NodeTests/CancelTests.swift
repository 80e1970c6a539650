import Logging
import NIOCore
import Stint
import StintCore
import StintLocal
import StintRuntime
import StintStore
import StintTesting
import Synchronization
import Testing

extension NodeTests {
    @Suite struct CancelTests {}
}

/// How many handlers run at the same time, at most.
private final class Crowd: Sendable {
    private let state = Mutex((now: 0, most: 0))
    var most: Int { state.withLock { $0.most } }

    func enter() { state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { state.withLock { $0.now -= 1 } }
}

extension NodeTests.CancelTests {
    @Test func `a running job is cancelled within milliseconds, and not by a heartbeat`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            // Its first heartbeat is hours away.
            let node = try await arena.node(
                concurrency: 1, polls: false, handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.waitForEntry(of: node)
            var (delays, trips): ([Duration], [Duration]) = ([], [])
            for _ in 0..<9 {
                let id = try await arena.enqueue("gate")
                try await arena.log.wait { $0.began?.id == id }
                var sentAt = ContinuousClock.now
                try await arena.send("PING")
                trips.append(.now - sentAt)
                sentAt = .now
                #expect(
                    try await arena.client.cancel(id, on: arena.queue, reason: "too late", by: "ada") == .requested)
                delays.append(try await arena.log.wait { $0.ended?.job.id == id }.at - sentAt)
                try await arena.log.wait { $0.settled?.job.id == id }
                let job = try await arena.detail(id)
                #expect(job.state == .cancelled && job.tries.reason == "cancelled: by ada: too late")
            }
            // The best of nine, and in proportion: a machine that is busy with something else is slow in everything.
            let (delay, trip) = (try #require(delays.min()), try #require(trips.min()))
            #expect(delay < .milliseconds(50) + trip * 20, "\(delays), \(trips)")
        }
    }

    @Test func `without a nudge the next heartbeat cancels it`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate")
            try await arena.node(lease: .seconds(3), handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began != nil }
            let asked = try await arena.client.store.cancel([id], on: arena.queue, reason: "why", by: "ada")
            #expect(asked.outcomes == [.requested] && asked.holders.map(\.name) == ["a"])
            try await arena.log.wait { $0.settled?.job.id == id }
            #expect(try await arena.detail(id).tries.reason == "cancelled: by ada: why")
        }
    }

    @Test func `a waiting job is cancelled at once, with who and why`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("never")
            #expect(try await arena.client.cancel(id, on: arena.queue, by: "ada@box") == .cancelled)
            let job = try await arena.detail(id)
            #expect(job.state == .cancelled && job.tries.reason == "cancelled: by ada@box")
        }
    }

    @Test func `a handler that ignores its cancellation is given up, and its slot goes on`() async throws {
        try await Arena.run { arena in
            let (gate, crowd, journal) = (Gate(), Crowd(), Journal())
            let node = try await arena.node(
                concurrency: 1, client: arena.newClient(journal: journal),
                handlers: [
                    "stubborn": Handler { _ in await gate.passStubbornly() },
                    "next": Handler { _ in
                        crowd.enter()
                        await elapse(.milliseconds(1))
                        crowd.leave()
                    },
                ]
            ) { $0.cancelGrace = .milliseconds(100) }
            try await arena.waitForEntry(of: node)
            let id = try await arena.enqueue("stubborn")
            try await arena.log.wait { $0.began?.id == id }
            #expect(try await arena.client.cancel(id, on: arena.queue, reason: "stuck", by: "ada") == .requested)
            let given = try await arena.log.wait { $0.handlerAbandoned != nil }
            #expect(given.handlerAbandoned == id)
            try await arena.log.wait { $0.settled?.job.id == id }
            let job = try await arena.detail(id)
            #expect(job.state == .cancelled && job.tries.reason == "cancelled: by ada: stuck")
            #expect(journal.entries("handler ignores its cancellation").map(\.level) == [.warning])

            // Its slot was replaced, by one.
            try await arena.enqueue("next", Array(repeating: "", count: 20))
            try await arena.log.wait(20) { $0.isAck }
            #expect(crowd.most == 1)
            _ = try await arena.client.store.nudge([node.node.consumer], .beat)
            #expect(try await eventually { try await arena.info(of: node)?.abandoned == 1 })

            // What it says at last is not heard, and its slot is not replaced once more.
            gate.open()
            let ended = try await arena.log.wait { $0.ended?.job.id == id }
            #expect(ended.ended?.settle == .nothing)
            try await arena.enqueue("next", Array(repeating: "", count: 20))
            try await arena.log.wait(40) { $0.isAck }
            #expect(crowd.most == 1)
            #expect(arena.log.entries.count { $0.settled?.job.id == id } == 1)
            #expect(!arena.log.entries.contains { $0.refused != nil })
            #expect(try await arena.detail(id).state == .cancelled)
        }
    }

    @Test func `a process goes on when a handler blocks its thread in spite of a cancel`() async throws {
        try await Arena.run { arena in
            let node = try await ChildNode(arena, concurrency: 2)
            #expect(
                try await eventually { try await arena.client.nodes().contains { $0.pid == Int64(node.process.pid) } })
            let id = try await arena.enqueue("block", "600000")
            try await node.wait("began", id)
            #expect(try await arena.client.cancel(id, on: arena.queue, reason: "stuck", by: "ada") == .requested)
            try await node.wait("given-up", id)
            try await node.wait("settled", id)
            #expect(try await arena.detail(id).tries.reason == "cancelled: by ada: stuck")
            try await arena.enqueue("noop", Array(repeating: "", count: 10))
            try await node.wait("settled", count: 11)
            #expect(try await arena.stats().ackedTotal == 10)
            try await node.kill()
        }
    }

    @Test func `a cancel while the node is cut off reaches it when it is back`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let proxy = try await FaultProxy(to: .unix(arena.server.socketPath))
            let client = try await StintClient(.redis(proxy.url).timeouts(command: .seconds(60)))
            // Long enough for a slow machine: its lease must not run out meanwhile.
            let node = try await arena.node(
                lease: .seconds(600), client: client, handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.waitForEntry(of: node)
            let id = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began != nil }
            proxy.set { $0.refuses = true }
            proxy.cut()
            #expect(try await arena.client.cancel(id, on: arena.queue, reason: "late", by: "ada") == .requested)
            let asked = try await arena.detail(id)
            #expect(asked.state == .leased && asked.cancelReason == "by ada: late")
            proxy.set { $0.refuses = false }
            try await arena.log.wait { $0.settled?.job.id == id }
            #expect(try await arena.detail(id).tries.reason == "cancelled: by ada: late")
            node.stop()
            await node.stopped()
            await client.close()
            try await proxy.close()
        }
    }

    @Test func `a node that stops gives up what was cancelled as cancelled`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let node = try await arena.node(
                grace: .zero, handlers: ["stubborn": Handler { _ in await gate.passStubbornly() }]
            ) { $0.cancelGrace = .milliseconds(300) }
            try await arena.waitForEntry(of: node)
            let id = try await arena.enqueue("stubborn")
            try await arena.log.wait { $0.began != nil }
            _ = try await arena.client.cancel(id, on: arena.queue, reason: "stuck")
            node.stop()
            await node.stopped()
            let job = try await arena.detail(id)
            #expect(job.state == .cancelled && job.tries.reason == "cancelled: stuck")
            gate.open()
            try await arena.log.wait { $0.ended != nil }
        }
    }
}

extension Arena {
    func info(of node: RunningNode) async throws -> NodeInfo? {
        try await client.nodes().first { $0.consumer == node.node.consumer }
    }

    /// Waits until a node is where others find it.
    func waitForEntry(of node: RunningNode) async throws {
        let isEntered = try await eventually { try await self.info(of: node) != nil }
        try #require(isEntered, "the node should be in the register")
    }
}
