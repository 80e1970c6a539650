import Logging
import NIOCore
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Jobs of types that a node does not know.
    @Suite struct StrangerTests {}
}

extension NodeTests.StrangerTests {
    private static let knows: [JobType: Handler] = ["known": Handler { _ in }]

    @Test func `a job of an unknown type is handed back uncounted, for a node that knows it`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("later")
            let journal = Journal()
            let stranger = try await arena.node(
                "stranger", client: arena.newClient(journal: journal), handlers: Self.knows)
            try await arena.log.wait { $0.isRelease }
            #expect(arena.log.entries.compactMap { $0.handedBack?.id } == [id])
            #expect(try await arena.client.state(of: id, on: arena.queue) == .ready)
            let said = journal.entries("jobs of types without a handler here")
            #expect(said.map(\.level) == [.notice] && said.first?.metadata["type"] == "later")
            stranger.stop()
            await stranger.stopped()
            try await arena.node("friend", handlers: ["later": Handler { _ in }])
            let acked = try await arena.log.wait { $0.isAck }
            #expect(acked.node == "friend")
            #expect(acked.settled?.job.tries == Tries.none)
            #expect(arena.log.runs == [id: 1])
        }
    }

    @Test func `such jobs keep their place and are not handed round, and those behind them run`() async throws {
        try await Arena.runAlone { arena in
            let later = try await arena.enqueue("later", Array(repeating: "", count: 1500))
            let node = try await arena.node(lease: .seconds(6), handlers: Self.knows)
            for _ in 0..<3 {
                let id = try await arena.enqueue("known")
                try await arena.log.wait { $0.isAck && $0.settled?.job.id == id }
            }
            // Claimed ahead once; from then on left alone.
            let released = try await arena.stats().releasedTotal
            #expect(released <= 1000)
            let id = try await arena.enqueue("known")
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == id }
            // Some polls come by.
            await elapse(.seconds(5))
            let stats = try await arena.stats()
            #expect((stats.releasedTotal, stats.ready, stats.leased) == (released, 1500, 0))
            #expect(try await arena.client.inspector.ids(.ready, on: arena.queue, limit: 2000) == later)
            #expect(try await arena.detail(later[0]).tries == Tries.none)
            node.stop()
            await node.stopped()
        }
    }

    @Test func `a node that knows a job is woken although others that do not are first in line`() async throws {
        try await Arena.runAlone { arena in
            for name in ["a", "b"] { try await arena.node(name, polls: false, handlers: Self.knows) }
            try await arena.node("friend", polls: false, handlers: ["later": Handler { _ in }])
            try await arena.waitForListeners(3)
            for _ in 0..<20 {
                let id = try await arena.enqueue("later")
                let acked = try await arena.log.wait { $0.isAck && $0.settled?.job.id == id }
                #expect(acked.node == "friend" && acked.settled?.job.tries == Tries.none)
            }
        }
    }

    @Test func `nodes that all do not know a job come to rest`() async throws {
        try await Arena.runAlone { arena in
            for name in ["a", "b"] { try await arena.node(name, polls: false, handlers: Self.knows) }
            try await arena.waitForListeners(2)
            let id = try await arena.enqueue("later")
            try await arena.log.wait { $0.isRelease }
            // Both listen, and nobody is woken any more: the mark has gone through all hands that it may.
            let isAtRest = try await eventually {
                let before = try await arena.claims()
                await elapse(.milliseconds(300))
                return try await arena.claims() == before
            }
            #expect(isAtRest)
            #expect(try await arena.send("LLEN", arena.key("wake")).integer == 0)
            #expect(try await arena.client.state(of: id, on: arena.queue) == .ready)
            let known = try await arena.enqueue("known")
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == known }
        }
    }

    @Test func `a node without a handler hands back for a while`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("later")
            try await arena.node(handlers: [:])
            let released = try await arena.log.wait { $0.isRelease }
            #expect(released.settled?.settle == .release(after: .seconds(5)))
            #expect(try await arena.client.state(of: id, on: arena.queue) == .scheduled)
        }
    }
}

extension Arena {
    /// How many scripts the server has run.
    fileprivate func claims() async throws -> String {
        let stats = try await info("commandstats")["cmdstat_evalsha"] ?? ""
        return String(stats.prefix { $0 != "," })
    }
}
