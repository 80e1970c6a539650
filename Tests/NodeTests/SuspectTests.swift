import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Synchronization
import Testing

extension NodeTests {
    /// Jobs that may have killed their nodes, and those that were there when it happened.
    @Suite struct SuspectTests {}
}

/// How many handlers run at the same time.
private final class Meter: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func begin() {
        state.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
        }
    }

    func end() { state.withLock { $0.now -= 1 } }
}

extension NodeTests.SuspectTests {
    /// Has the jobs that are ready lapse, as if the node that had claimed them had died.
    private func lapse(_ times: Int, _ arena: Arena) async throws {
        for _ in 0..<times {
            let dead = try ConsumerID(name: "dead")
            _ = try await arena.client.store.claim(1000, from: arena.queue, for: dead, lease: .seconds(600))
            try await arena.endLeases()
            _ = try await arena.client.store.reap(from: arena.queue, maxLapses: 3)
        }
    }

    @Test func `of jobs that the next lapse would bury a node runs one at a time`() async throws {
        try await Arena.run { arena in
            let suspects = try await arena.enqueue("suspect", Array(repeating: "", count: 4))
            try await lapse(2, arena)
            let fresh = try await arena.enqueue("fresh", Array(repeating: "", count: 3))
            let gate = Gate()
            let meter = Meter()
            let handler = Handler { _ in
                meter.begin()
                try await gate.pass()
                meter.end()
            }
            try await arena.node(concurrency: 8, handlers: ["suspect": handler, "fresh": Handler { _ in }])
            try await arena.log.wait(3) { event in event.isAck && fresh.contains { $0 == event.settled?.job.id } }
            let areApart = try await eventually {
                let stats = try await arena.stats()
                return stats.leased == 1 && stats.scheduled + stats.ready == 3
            }
            #expect(areApart, "one runs, three wait in the queue")
            gate.open()
            try await arena.log.wait(7) { $0.isAck }
            #expect(meter.most == 1)
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.dead, stats.lapsedTotal) == (7, 0, 8))
            #expect(suspects.count == 4)
        }
    }

    @Test func `jobs that have lapsed once run together: a killed node does not slow its jobs down`() async throws {
        try await Arena.run { arena in
            _ = try await arena.enqueue("gate", Array(repeating: "", count: 4))
            try await lapse(1, arena)
            let gate = Gate()
            try await arena.node(concurrency: 8, handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait(4) { $0.began != nil }
            gate.open()
            try await arena.log.wait(4) { $0.isAck }
            #expect(try await arena.stats().releasedTotal == 0)
        }
    }
}
