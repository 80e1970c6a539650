import NIOCore
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Nodes that are told something from afar.
    @Suite struct OrderTests {}
}

extension NodeTests.OrderTests {
    private static func only(_ node: RunningNode) -> NodeFilter { NodeFilter(names: [node.node.consumer.description]) }

    private static func wait(_ arena: Arena, _ node: RunningNode, for state: NodeInfo.State) async throws {
        let isIt = try await eventually { try await arena.info(of: node)?.state == state }
        try #require(isIt, "the node should be \(state)")
    }

    @Test func `a quiet node claims nothing, keeps and finishes what it runs, and works again when it is told to`()
        async throws
    {
        try await Arena.run { arena in
            let gate = Gate()
            let node = try await arena.node(
                concurrency: 2, lease: .seconds(3),
                handlers: ["gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in }])
            try await arena.waitForEntry(of: node)
            let id = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began?.id == id }
            #expect(try await arena.client.quiet(Self.only(node)) == [node.node.consumer])
            try await Self.wait(arena, node, for: .quiet)
            let waiting = try await arena.enqueue("noop")
            // Longer than its lease: it is extended, and a poll has come by.
            let before = try #require(try await arena.detail(id).whenMs)
            #expect(try await eventually { try await arena.detail(id).whenMs ?? 0 > before + 3000 })
            #expect(try await arena.detail(waiting).state == .ready)
            gate.open()
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == id }
            #expect(arena.log.runs[waiting] == nil && arena.log.lapses.isEmpty)
            #expect(try await arena.client.resume(Self.only(node)) == [node.node.consumer])
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == waiting }
            try await Self.wait(arena, node, for: .working)
        }
    }

    @Test func `a quiet node leaves its marks to others`() async throws {
        try await Arena.runAlone { arena in
            let quiet = try await arena.node("quiet", polls: false, handlers: ["noop": Handler { _ in }])
            try await arena.waitForEntry(of: quiet)
            try await arena.client.quiet(.all)
            try await Self.wait(arena, quiet, for: .quiet)
            try await arena.node("busy", polls: false, handlers: ["noop": Handler { _ in }])
            for _ in 0..<3 {
                let id = try await arena.enqueue("noop")
                let acked = try await arena.log.wait { $0.isAck && $0.settled?.job.id == id }
                #expect(acked.node == "busy")
            }
        }
    }

    @Test func `a node that is told to stop lets running jobs end, and takes its order along`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let node = try await arena.node(handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.waitForEntry(of: node)
            let id = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began != nil }
            #expect(try await arena.client.stop(NodeFilter(queue: arena.queue)) == [node.node.consumer])
            try await arena.log.wait { $0.isStopping }
            try await Self.wait(arena, node, for: .stopping)
            // It hears of the order with every beat, which is no second stop; and a stop cannot be taken back.
            try await arena.client.resume(.all)
            try await arena.client.store.nudge([node.node.consumer], .beat)
            gate.open()
            await node.stopped()
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
            #expect(try await arena.client.nodes().isEmpty)
            #expect(try await arena.send("EXISTS", arena.client.store.keys.orders).integer == 0)
        }
    }

    @Test func `a drain ends when nothing is held any more, and says who still holds what`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = ["gate": Handler { _ in try await gate.pass() }]
            let old = try await arena.node("old", handlers: handlers) { $0.build = "41" }
            try await arena.waitForEntry(of: old)
            try await arena.enqueue("gate")
            try await arena.log.wait { $0.began != nil }
            let new = try await arena.node("new", handlers: handlers) { $0.build = "42" }
            try await arena.waitForEntry(of: new)
            let busy = try await arena.client.drain(NodeFilter(build: "41"), timeout: .seconds(1))
            #expect(busy.map(\.name) == ["old"])
            #expect(try await arena.info(of: new)?.state == .working)
            gate.open()
            #expect(try await arena.client.drain(NodeFilter(build: "41"), timeout: .seconds(60)).isEmpty)
            #expect(try await arena.info(of: old)?.running == 0)
            #expect(try await arena.client.drain(NodeFilter(build: "43"), timeout: .seconds(60)).isEmpty)
        }
    }

    @Test func `the register shows what a node is`() async throws {
        try await Arena.runAlone { arena in
            let node = try StintNode(
                arena.client, queues: [arena.queue], concurrency: 3, name: "me", build: "7", labels: ["gpu", "eu"]
            ) {
                JobHandler(type: "b") { _ in }
                JobHandler(type: "a") { _ in }
            }
            let running = RunningNode(node)
            try await arena.waitForEntry(of: running)
            let info = try #require(try await arena.info(of: running))
            #expect((info.name, info.build, info.labels) == ("me", "7", ["gpu", "eu"]))
            #expect((info.types, info.concurrency, info.running) == (["a", "b"], 3, 0))
            #expect((info.state, info.abandoned, info.isLost) == (.working, 0, false))
            #expect(info.queues == [arena.queue.rawValue])
            running.stop()
            await running.stopped()
            let refusal = #expect(throws: StintError.self) {
                try StintNode(arena.client, queues: [arena.queue], labels: [String(repeating: "x", count: 129)]) {}
            }
            #expect(refusal?.code == .invalidArgument)
        }
    }
}
