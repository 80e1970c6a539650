import CoreMetrics
import MetricsTestKit
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintTesting
import Testing

extension NodeTests {
    @Suite struct MetricsTests {}
}

private struct Oops: Error {}

extension TestMetrics {
    fileprivate func total(_ label: String, _ dimensions: KeyValuePairs<String, String>) -> Int64 {
        counterTotal(label: label, dimensions: dimensions.map { ($0, $1) })
    }
}

extension NodeTests.MetricsTests {
    @Test func `enqueues are counted by queue, type and outcome`() async throws {
        try await Arena.run { arena in
            let metrics = TestMetrics()
            let client = try await withMetricsFactory(metrics) { try await arena.newClient() }
            let queue = arena.queue.rawValue
            let id = try JobID("once")
            for _ in 0..<3 { try await client.enqueue(payload: ByteBuffer(), type: "note", on: arena.queue, .id(id)) }
            try await client.enqueue((0..<5).map { Tick(number: $0) }, on: arena.queue)
            await client.close()
            await #expect(throws: StintError.self) { try await client.enqueue(Tick(number: 9), on: arena.queue) }
            func count(_ type: String, _ outcome: String) -> Int64 {
                metrics.total("stint_jobs_enqueued_total", ["queue": queue, "type": type, "outcome": outcome])
            }
            #expect((count("note", "accepted"), count("note", "exists"), count("note", "failed")) == (1, 2, 0))
            #expect((count("tick", "accepted"), count("tick", "exists"), count("tick", "failed")) == (5, 0, 1))
        }
    }

    @Test func `runs are counted by how they ended, and timed`() async throws {
        try await Arena.run { arena in
            let metrics = TestMetrics()
            let handlers: [JobType: Handler] = [
                "good": Handler { _ in }, "bad": Handler(retry: .fixed(.seconds(60))) { _ in throw Oops() },
                "worse": Handler { _ in throw JobOutcome.reject(reason: "no") },
                "later": Handler { _ in throw JobOutcome.snooze(.seconds(60)) },
            ]
            try await withMetricsFactory(metrics) { _ = try await arena.node(handlers: handlers) }
            try await arena.enqueue("good", ["", "", ""])
            for type: JobType in ["bad", "worse", "later"] { try await arena.enqueue(type) }
            try await arena.log.wait(6) { $0.settled != nil }
            let queue = arena.queue.rawValue
            for (type, outcome, count) in [
                ("good", "done", 3), ("bad", "failed", 1), ("worse", "rejected", 1), ("later", "released", 1),
            ] {
                #expect(metrics.total("stint_runs_started_total", ["queue": queue, "type": type]) == Int64(count))
                let about: KeyValuePairs = ["queue": queue, "type": type, "outcome": outcome]
                #expect(metrics.total("stint_runs_ended_total", about) == Int64(count), "\(type)")
                let timer = try metrics.expectTimer("stint_run_duration", [("queue", queue), ("type", type)])
                #expect(timer.values.count == count)
                #expect(timer.values.allSatisfy { $0 > 0 })
            }
        }
    }

    @Test func `slots in use are those that run a handler`() async throws {
        try await Arena.run { arena in
            let metrics = TestMetrics()
            let gate = Gate()
            try await withMetricsFactory(metrics) {
                _ = try await arena.node(handlers: ["gate": Handler { _ in try await gate.pass() }])
            }
            try await arena.enqueue("gate", ["", "", ""])
            try await arena.log.wait(3) { $0.began != nil }
            let slots = try metrics.expectMeter("stint_slots_in_use")
            #expect(await eventually { slots.lastValue == 3 })
            gate.open()
            try await arena.log.wait(3) { $0.isAck }
            #expect(slots.lastValue == 0)
        }
    }

    @Test func `types without a handler of their own are one label`() async throws {
        try await Arena.run { arena in
            let metrics = TestMetrics()
            let configuration = NodeConfiguration(
                queues: [.init(arena.queue)], concurrency: 2, consumer: try ConsumerID(name: "any"))
            let node = try withMetricsFactory(metrics) {
                try StintNode(
                    arena.client, configuration, Handlers(fallback: Handler { _ in }),
                    observer: arena.log.observer("any"))
            }
            let running = RunningNode(node)
            try await arena.enqueue("a")
            try await arena.enqueue("b")
            try await arena.log.wait(2) { $0.isAck }
            running.stop()
            await running.stopped()
            let started = metrics.counters(label: "stint_runs_started_total")
            #expect(started.count == 1)
            #expect(
                metrics.total("stint_runs_started_total", ["queue": arena.queue.rawValue, "type": "other"]) == 2)
        }
    }

    @Test func `leases that are lost, and those that are reaped, are counted`() async throws {
        try await Arena.runAlone { arena in
            let metrics = TestMetrics()
            let gate = Gate()
            try await arena.enqueue("gate")
            _ = try await arena.client.store.claim(
                1, from: arena.queue, for: ConsumerID(name: "dead"), lease: .seconds(600))
            try await arena.endLeases()
            let handlers: [JobType: Handler] = ["gate": Handler { _ in try await gate.pass() }]
            try await withMetricsFactory(metrics) {
                _ = try await arena.node(lease: .milliseconds(1000), handlers: handlers)
            }
            try await arena.log.wait { $0.began != nil }
            try await arena.lapseLeases()
            try await arena.log.wait { $0.lost != nil }
            let queue = arena.queue.rawValue
            #expect(metrics.total("stint_leases_lapsed_total", ["queue": queue, "outcome": "ready"]) >= 1)
            #expect(metrics.total("stint_leases_lost_total", ["queue": queue]) >= 1)
            gate.open()
        }
    }

    @Test func `settles that are repeated are counted`() async throws {
        try await Arena.runAlone { arena in
            let metrics = TestMetrics()
            let gate = Gate()
            let handlers: [JobType: Handler] = ["gate": Handler { _ in await gate.passStubbornly() }]
            let client = try await arena.newClient(commandTimeout: .milliseconds(500))
            try await withMetricsFactory(metrics) {
                _ = try await arena.node(client: client, handlers: handlers)
            }
            try await arena.enqueue("gate")
            try await arena.log.wait { $0.began != nil }
            arena.server.freeze()
            gate.open()
            let queue = arena.queue.rawValue
            #expect(
                await eventually { metrics.total("stint_settles_retried_total", ["queue": queue]) >= 1 })
            arena.server.thaw()
            try await arena.log.wait { $0.settled != nil || $0.refused != nil }
        }
    }
}

private struct Tick: JobPayload {
    static let type = "tick"
    var number: Int
}
