import Logging
import NIOCore
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Synchronization
import Testing

extension NodeTests {
    /// A server that fails again and again under a load of producers and nodes. What was accepted must be done.
    @Suite struct ServerFaultTests {}
}

extension NodeTests.ServerFaultTests {
    @Test func `no accepted job is lost when the server is killed and restarted under load`() async throws {
        try await Arena.runAlone(persistence: .aofAlways) { arena in
            let load = try await Load(arena, lease: .seconds(1))
            for round in 1...3 {
                try await load.accepted(60 * round)
                try await arena.server.kill()
                try await arena.server.restart()
            }
            try await load.accepted(240)
            try await load.end()
            #expect(arena.log.unexplainedDuplicates.isEmpty)
        }
    }

    @Test func `a queue that a crash has torn is mended by the nodes when the server is back`() async throws {
        try await Arena.runAlone(persistence: .aofAlways) { arena in
            let journal = Journal()
            try await arena.node(client: arena.newClient(journal: journal), handlers: ["noop": Handler { _ in }])
            let isKnown = await eventually {
                ((try? await arena.client.store.checkedRun(of: arena.queue)) ?? nil) != nil
            }
            #expect(isKnown, "a node notes in which run of the server it has begun")
            // What is left of an enqueue whose first write alone reached the disk.
            try await arena.send("HSET", arena.key("jobs"), "torn", "jnoop\n")
            try await arena.server.kill()
            try await arena.server.restart()
            try await arena.log.wait { $0.isAck }
            let isTold = await eventually { !journal.entries("queue mended after a restart of the server").isEmpty }
            #expect(isTold)
            let run = try await arena.client.store.client.runID()
            #expect(try await arena.client.store.checkedRun(of: arena.queue) == run)
            let metadata = journal.entries("queue mended after a restart of the server").first?.metadata
            #expect(metadata?["lost"] == .string("1"))
        }
    }

    @Test func `flushed scripts are noticed by nobody`() async throws {
        try await Arena.runAlone { arena in
            let load = try await Load(arena, lease: .seconds(60))
            for _ in 0..<20 {
                try await arena.send("SCRIPT", "FLUSH")
                await elapse(.milliseconds(50))
            }
            try await load.end()
            #expect(arena.log.runs.values.allSatisfy { $0 == 1 })
            let stats = try await arena.stats()
            #expect((stats.lapsedTotal, stats.releasedTotal) == (0, 0))
        }
    }

    @Test func `cut connections lose no job and make no job twice`() async throws {
        try await Arena.runAlone { arena in
            let load = try await Load(arena, lease: .seconds(1))
            for _ in 0..<12 {
                await elapse(.milliseconds(200))
                try await arena.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            }
            try await load.end()
            #expect(arena.log.unexplainedDuplicates.isEmpty)
        }
    }

    @Test func `a server frozen for longer than the lease costs runs and no job`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let ids = try await arena.enqueue("gate", Array(repeating: "", count: 20))
            let handlers: [JobType: Handler] = ["gate": Handler { _ in try await gate.pass() }]
            for name in ["a", "b"] {
                try await arena.node(name, concurrency: 10, lease: .seconds(1), handlers: handlers) {
                    $0.maxLapses = 100
                }
            }
            try await arena.log.wait(20) { $0.began != nil }
            arena.server.freeze()
            try await arena.log.wait(20) { $0.lost != nil }
            try await arena.log.wait(20) { $0.ended?.settle == .nothing }
            gate.open()
            arena.server.thaw()
            try await arena.log.wait(20) { $0.isAck }
            #expect(arena.log.unexplainedDuplicates.isEmpty)
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.done, stats.leased, stats.ready) == (ids.count, ids.count, 0, 0))
        }
    }
}

/// Two producers and two nodes, until ``end()``.
private final class Load: Sendable {
    private let arena: Arena
    private let receipts = Notes<Receipt>()
    private let isOver = Atomic(false)
    private let producers = Mutex<[Task<Void, any Error>]>([])

    init(_ arena: Arena, lease: Duration) async throws {
        self.arena = arena
        for name in ["a", "b"] {
            try await arena.node(
                name, concurrency: 8, lease: lease, handlers: ["noop": Handler { _ in await Task.yield() }]
            ) {
                $0.maxLapses = 100
            }
        }
        for _ in 0..<2 {
            let client = try await arena.newClient()
            let producer = Task {
                while !self.isOver.load(ordering: .relaxed) {
                    self.receipts.add(try await client.enqueue(payload: ByteBuffer(), type: "noop", on: arena.queue))
                    await elapse(.milliseconds(2))
                }
            }
            producers.withLock { $0.append(producer) }
        }
    }

    /// Waits until this many jobs were accepted.
    func accepted(_ count: Int) async throws {
        let areAccepted = await eventually { self.receipts.all.count >= count }
        try #require(areAccepted, "only \(receipts.all.count) of \(count) jobs were accepted")
    }

    /// Ends the load, waits for its last job, and checks that all are done.
    func end() async throws {
        isOver.store(true, ordering: .relaxed)
        for producer in producers.withLock({ $0 }) { try await producer.value }
        let ids = receipts.all.map(\.id)
        #expect(receipts.all.allSatisfy(\.isAccepted) && Set(ids).count == ids.count)
        let areDone = try await eventually { try await self.arena.stats().done >= ids.count }
        let stats = try await arena.stats()
        #expect(areDone, "\(stats)")
        #expect((stats.enqueuedTotal, stats.ackedTotal, stats.done) == (ids.count, ids.count, ids.count))
        #expect((stats.ready, stats.scheduled, stats.leased, stats.dead) == (0, 0, 0, 0))
        for start in stride(from: 0, to: ids.count, by: 1000) {
            let batch = Array(ids[start..<min(start + 1000, ids.count)])
            let states = try await arena.client.inspector.jobs(batch, on: arena.queue).map(\.state)
            #expect(states.allSatisfy { $0 == .done })
        }
    }
}
