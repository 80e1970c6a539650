import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Synchronization
import Testing

extension NodeTests {
    @Suite struct LoadTests {}
}

extension NodeTests.LoadTests {
    @Test func `more settles than one call may have go in several`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            for _ in 0..<4 { try await arena.enqueue("gate", Array(repeating: "", count: 750)) }
            try await arena.node(concurrency: 3000, handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait(3000) { $0.began != nil }
            // All but the first wait for an answer of the server.
            arena.server.freeze()
            gate.open()
            try await arena.log.wait(3000) { $0.ended != nil }
            arena.server.thaw()
            try await arena.log.wait(3000) { $0.isAck }
            #expect(try await arena.stats().done == 3000)
            #expect(arena.log.lapses.isEmpty)
        }
    }

    @Test func `no more jobs run at the same time than there are slots`() async throws {
        try await Arena.run { arena in
            let running = Atomic(0)
            let most = Atomic(0)
            let handler = Handler { _ in
                most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                for _ in 0..<20 { await Task.yield() }
                running.subtract(1, ordering: .relaxed)
            }
            try await arena.enqueue("busy", Array(repeating: "", count: 200))
            try await arena.node(concurrency: 5, handlers: ["busy": handler])
            try await arena.log.wait(200) { $0.isAck }
            #expect((2...5).contains(most.load(ordering: .relaxed)))
        }
    }

    @Test func `queues share a node by their weights, and none starves`() async throws {
        try await Arena.run { arena in
            let heavy = try QueueName(RedisServer.uniqueQueue("heavy"))
            try await arena.enqueue("noop", Array(repeating: "", count: 200))
            for _ in 0..<200 { try await arena.client.enqueue(payload: .init(), type: "noop", on: heavy) }
            let notes = Notes<QueueName>()
            try await arena.node(concurrency: 1, handlers: ["noop": Handler { notes.add($0.queue) }]) { configuration in
                configuration.queues.append(.init(heavy, weight: 3))
                configuration.prefetchTime = .zero
            }
            try await arena.log.wait(400, within: .seconds(120)) { $0.isAck }
            // 75 are expected; 5 standard deviations are 22.
            let share = notes.all.prefix(100).count { $0 == heavy }
            #expect((53...97).contains(share), "\(share) of the first 100")
        }
    }

    @Test func `twenty thousand jobs are each run and acked once`() async throws {
        try await Arena.run { arena in
            let ids = try await arena.enqueue("noop", Array(repeating: "", count: 20_000))
            try await arena.node(concurrency: 32, handlers: ["noop": Handler { _ in }])
            try await arena.log.wait(20_000, within: .seconds(200)) { $0.isAck }
            let runs = arena.log.runs
            #expect(runs.count == ids.count && runs.values.allSatisfy { $0 == 1 })
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.leased, stats.ready) == (20_000, 0, 0))
        }
    }

    @Test func `a thousand jobs are shared by three nodes without a double run`() async throws {
        try await Arena.run { arena in
            for name in ["a", "b", "c"] {
                try await arena.node(name, handlers: ["noop": Handler { _ in await Task.yield() }])
            }
            for _ in 0..<10 { try await arena.enqueue("noop", Array(repeating: "", count: 100)) }
            try await arena.log.wait(1000) { $0.isAck }
            #expect(arena.log.runs.values.allSatisfy { $0 == 1 })
            #expect(try await arena.stats().ackedTotal == 1000)
        }
    }
}
