import Logging
import NIOCore
import Stint
import StintCore
import StintStore
import StintTesting
import Testing

@testable import StintRuntime

extension NodeTests {
    /// How a node keeps its leases, and how it lets go of them.
    @Suite struct LeaseTests {}
}

extension NodeTests.LeaseTests {
    /// Heartbeats come at a quarter to a third of it; that leaves a late one some seconds.
    static let lease = Duration.seconds(6)

    @Test func `a long lease that is held already does not let a later short one lapse`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            try await arena.node(lease: Self.lease, handlers: ["gate": Handler { _ in try await gate.pass() }])
            let long = try await arena.enqueue("gate") { $0.lease = .seconds(600) }
            try await arena.log.wait { $0.began?.id == long }
            // Until the loops have been round once, and know the long lease.
            await elapse(Self.lease / 3)
            let short = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began?.id == short }
            let deadlineMs = try #require(try await arena.detail(short).whenMs)
            // Kept beyond what the claim gave it.
            #expect(try await eventually { try await arena.detail(short).whenMs ?? 0 > deadlineMs + 1000 })
            gate.open()
            try await arena.log.wait(2) { $0.isAck }
            #expect(arena.log.lapses.isEmpty && !arena.log.entries.contains { $0.lost != nil })
            #expect(arena.log.runs == [long: 1, short: 1])
            #expect(try await arena.stats().lapsedTotal == 0)
        }
    }

    @Test func `a long lease that is held already does not keep a later short one beyond its deadline`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let lease = Duration.seconds(2)
            try await arena.node(lease: lease, handlers: ["gate": Handler { _ in try await gate.pass() }])
            let long = try await arena.enqueue("gate") { $0.lease = .seconds(600) }
            try await arena.log.wait { $0.began?.id == long }
            await elapse(lease / 3)
            let short = try await arena.enqueue("gate")
            let began = try await arena.log.wait { $0.began?.id == short }
            arena.server.freeze()
            let lost = try await arena.log.wait { $0.lost?.id == short }
            // It may have been extended before the server froze, and the machine may be slow. By the long lease it would be 100 s.
            #expect(lost.at - began.at < .seconds(20))
            arena.server.thaw()
            gate.open()
        }
    }

    @Test(arguments: ["cancel", "lost lease"])
    func `a handler may look at its lease while it is being cancelled`(reason: String) async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let looks = Notes<(isPast: Bool, code: StintError.Code?)>()
            let handler = Handler { context in
                guard context.lapses == 0 else { return }
                try await withTaskCancellationHandler {
                    try await gate.pass()
                } onCancel: {
                    let isPast = context.deadline <= .now
                    do {
                        try context.assertHeld()
                        looks.add((isPast, nil))
                    } catch {
                        looks.add((isPast, (error as? StintError)?.code))
                    }
                }
            }
            let id = try await arena.enqueue("careful")
            try await arena.node(concurrency: 1, lease: Self.lease, handlers: ["careful": handler])
            try await arena.log.wait { $0.began?.id == id }
            if reason == "cancel" {
                #expect(try await arena.client.cancel(id, on: arena.queue) == .requested)
            } else {
                try await arena.send("UNLINK", arena.key("leases"))
            }
            try await arena.log.wait { $0.ended?.job.id == id }
            #expect(looks.all.map(\.isPast) == [false])
            #expect(looks.all.map(\.code) == [reason == "cancel" ? nil : .leaseLost])
        }
    }

    @Test func `a lease that ended while it waited for a slot is never begun`() throws {
        func held(sentAt: ContinuousClock.Instant) throws -> HeldLease {
            let job = ClaimedJob(
                id: try JobID("late"), token: Token(rawValue: 1), header: JobHeader(type: "noop"),
                payload: ByteBuffer(), tries: .none)
            return HeldLease(job, queue: "q", lease: .seconds(10), sentAt: sentAt)
        }
        // The lease is not over yet, but its last second is the margin.
        let late = try held(sentAt: .now - .milliseconds(9100))
        #expect(!late.begin(in: Slot()))
        #expect(late.cause == .leaseLost)
        let inTime = try held(sentAt: .now - .milliseconds(500))
        #expect(inTime.begin(in: Slot()))
        #expect(inTime.cause == nil)
    }

    @Test func `a job whose claim was answered too late to begin it is handed back, and no lapse counts`() async throws
    {
        try await Arena.run { arena in
            let id = try await arena.enqueue("late")
            let configuration = NodeConfiguration(
                queues: [.init(arena.queue)], concurrency: 1, consumer: try ConsumerID(name: "late"))
            let node = NodeState(
                store: arena.client.store, configuration: configuration, handlers: Handlers([:]),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), observer: nil)
            let claim = try await node.store.claim(
                1, from: arena.queue, for: node.consumer, lease: .seconds(600))
            // The local deadline is over, the lease on the server is not.
            let lease = HeldLease(
                try #require(claim.jobs.first), queue: arena.queue, lease: .seconds(600),
                sentAt: .now - .seconds(599))
            await RunJob(node: node).run(lease, in: Slot())
            #expect(await SettleLoop(node: node).runOnce(node.outbox.takeAll()).isEmpty)
            let stats = try await arena.stats()
            #expect((stats.ready, stats.leased, stats.releasedTotal, stats.lapsedTotal) == (1, 0, 1, 0))
            #expect(try await arena.client.inspector.job(id, on: arena.queue)?.tries == Tries.none)
        }
    }

    @Test func `an ack that finds its lease gone is a warning`() async throws {
        try await Arena.run { arena in
            let (gate, journal) = (Gate(), Journal())
            let id = try await arena.enqueue("gate")
            try await arena.node(
                client: arena.newClient(journal: journal), handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began?.id == id }
            try await arena.send("UNLINK", arena.key("leases"))
            gate.open()
            let refused = try await arena.log.wait { $0.refused != nil }
            #expect(refused.refused?.refusal == .gone)
            let warnings = journal.entries("settle refused")
            #expect(warnings.map(\.level) == [.warning])
            #expect(warnings.first?.metadata["job"] == "\(id)")
        }
    }

    @Test func `an ack that is repeated because its reply was lost is no warning when it finds its lease gone`()
        async throws
    {
        try await Arena.runAlone { arena in
            let (gate, journal) = (Gate(), Journal())
            let client = try await arena.newClient(commandTimeout: .seconds(3), journal: journal)
            try await arena.node(
                concurrency: 2, client: client,
                handlers: ["gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in }])
            // The server must know the script, or it will not run the ack that nobody waits for.
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            let id = try await arena.enqueue("gate")
            try await arena.log.wait { $0.began?.id == id }
            let before = journal.entries("redis connection lost").count
            arena.server.freeze()
            gate.open()
            // The ack has reached the frozen server, and was given up.
            let isGivenUp = await eventually { journal.entries("redis connection lost").count > before }
            #expect(isGivenUp)
            arena.server.thaw()
            let refused = try await arena.log.wait { $0.refused != nil }
            #expect(refused.refused?.refusal == .gone)
            #expect(journal.entries("settle refused").isEmpty)
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
            #expect(try await arena.stats().ackedTotal == 2)
        }
    }

    @Test(.enabled(if: ServerClock.isAvailable, "needs Linux and cc to move a server's clock"))
    func `a server's clock that jumps forward costs nobody a lease, on no queue`() async throws {
        let clock = try ServerClock()
        try await Arena.runAlone(environment: clock.environment) { arena in
            let gate = Gate()
            let second = try QueueName(RedisServer.uniqueQueue("second"))
            for queue in [arena.queue, second] {
                try await arena.enqueue("gate", Array(repeating: "", count: 4), on: queue)
            }
            for name in ["a", "b"] {
                try await arena.node(
                    name, concurrency: 4, lease: Self.lease, handlers: ["gate": Handler { _ in try await gate.pass() }]
                ) { $0.queues.append(.init(second)) }
            }
            try await arena.log.wait(8) { $0.began != nil }
            let beforeMs = try await arena.client.store.serverMs()
            // It has room. Its claims tell it that all leases of the others are overdue, before a heartbeat can come.
            try await arena.node("c", lease: Self.lease, handlers: ["noop": Handler { _ in }]) {
                $0.queues.append(.init(second))
            }
            for hour in 1...3 {
                for queue in [arena.queue, second] { try await arena.enqueue("noop", on: queue) }
                try await arena.log.wait(2 * hour) { $0.isAck }
                try clock.shift(by: .seconds(3600) * hour)
            }
            try #require(try await arena.client.store.serverMs() - beforeMs >= 3 * 3_600_000)
            for queue in [arena.queue, second] { try await arena.enqueue("noop", on: queue) }
            // The reapers wait for one lease after a jump.
            await elapse(Self.lease + .seconds(1))
            gate.open()
            try await arena.log.wait(16) { $0.isAck }
            for queue in [arena.queue, second] {
                let stats = try await arena.client.stats(of: queue)
                #expect((stats.lapsedTotal, stats.ackedTotal) == (0, 8), "\(queue)")
            }
            #expect(arena.log.runs.count == 16 && arena.log.runs.values.allSatisfy { $0 == 1 })
            #expect(!arena.log.entries.contains { $0.lost != nil })
        }
    }
}
