import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

/// The tests of this target watch the clock and the processor: one at a time.
@Suite(.serialized, .timeLimit(.minutes(5)))
enum NodeTests {}

extension NodeTests {
    @Suite struct RunTests {}
}

extension NodeTests.RunTests {
    @Test func `a job is run and acked`() async throws {
        try await Arena.run { arena in
            let notes = Notes<String>()
            let id = try await arena.enqueue("note", "seven")
            try await arena.node(handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
            try await arena.log.wait { $0.isAck }
            #expect(notes.all == ["seven"])
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.leased, stats.ready) == (1, 0, 0))
        }
    }

    @Test func `one slot runs jobs in the order of their arrival`() async throws {
        try await Arena.run { arena in
            let notes = Notes<String>()
            for number in 0..<20 { try await arena.enqueue("note", "\(number)") }
            try await arena.node(concurrency: 1, handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
            try await arena.log.wait(20) { $0.isAck }
            #expect(notes.all == (0..<20).map { "\($0)" })
        }
    }

    @Test func `jobs that are handed back because no slot came free are not overtaken by those behind them`()
        async throws
    {
        try await Arena.run { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = [
                "gate": Handler { _ in try await gate.pass() }, "noop": Handler { _ in },
            ]
            try await arena.node(concurrency: 1, handlers: handlers) { $0.prefetchTime = .seconds(3600) }
            // Tiny jobs make it claim ahead: as many as one call brings, and some stay behind them.
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            try await arena.client.pause(arena.queue)
            let ids = try await arena.enqueue("gate", Array(repeating: "", count: Defaults.maxJobsPerCall + 10))
            try await arena.client.resume(arena.queue)
            try await arena.log.wait { $0.isRelease }
            gate.open()
            try await arena.log.wait(1 + ids.count) { $0.isAck }
            let order = arena.log.entries.compactMap { $0.began?.id }.dropFirst()
            let different = zip(order, ids).first { $0 != $1 }
            #expect(order.count == ids.count && different == nil)
        }
    }

    @Test func `higher priorities run sooner`() async throws {
        try await Arena.run { arena in
            let notes = Notes<Int>()
            for priority in [-5, 0, 5, 100, -100] { try await arena.enqueue("note") { $0.priority = priority } }
            try await arena.node(concurrency: 1, handlers: ["note": Handler { notes.add($0.priority) }])
            try await arena.log.wait(5) { $0.isAck }
            #expect(notes.all == [100, 5, 0, -5, -100])
        }
    }

    @Test func `a failed job is tried again after its delay, and knows how often it failed`() async throws {
        struct Failure: Error {}
        try await Arena.run { arena in
            let notes = Notes<(attempt: Int, failures: Int, token: Token, at: ContinuousClock.Instant)>()
            let delay = Duration.milliseconds(150)
            try await arena.enqueue("flaky")
            let handler = Handler(retry: .fixed(delay)) { context in
                notes.add((context.attempt, context.failures, context.token, .now))
                if context.failures < 2 { throw Failure() }
            }
            // Not left to a poll.
            try await arena.node(polls: false, handlers: ["flaky": handler])
            try await arena.log.wait { $0.isAck }
            let runs = notes.all
            #expect(runs.map(\.attempt) == [1, 2, 3])
            #expect(runs.map(\.failures) == [0, 1, 2])
            for (run, next) in zip(runs, runs.dropFirst()) {
                #expect(next.token > run.token)
                #expect(next.at - run.at >= delay)
            }
            #expect(try await arena.stats().nackedTotal == 2)
        }
    }

    @Test func `the failure that reaches the limit buries the job, with its reason`() async throws {
        struct Failure: Error {}
        try await Arena.run { arena in
            let id = try await arena.enqueue("broken")
            try await arena.node(handlers: [
                "broken": Handler(retry: .fixed(.zero, maxFailures: 3)) { _ in throw Failure() }
            ])
            try await arena.log.wait(3) { $0.settled != nil }
            let job = try await arena.detail(id)
            #expect(job.state == .dead)
            #expect((job.tries.failures, job.tries.reason) == (3, "Failure()"))
        }
    }

    @Test func `a rejected job is dead at once`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("bad")
            try await arena.node(handlers: ["bad": Handler { _ in throw JobOutcome.reject(reason: "no such address") }])
            try await arena.log.wait { $0.settled != nil }
            let job = try await arena.detail(id)
            #expect(job.state == .dead)
            #expect(job.tries.reason == "no such address")
        }
    }

    @Test func `a snooze is neither an attempt nor a failure`() async throws {
        try await Arena.run { arena in
            let notes = Notes<(attempt: Int, failures: Int, at: ContinuousClock.Instant)>()
            try await arena.enqueue("early")
            let handler = Handler { context in
                notes.add((context.attempt, context.failures, .now))
                if notes.all.count < 3 { throw JobOutcome.snooze(.milliseconds(100)) }
            }
            try await arena.node(handlers: ["early": handler])
            try await arena.log.wait { $0.isAck }
            #expect(notes.all.map(\.attempt) == [1, 1, 1])
            #expect(notes.all.map(\.failures) == [0, 0, 0])
            #expect(notes.all[1].at - notes.all[0].at >= .milliseconds(100))
        }
    }

    @Test func `a record that cannot be read is buried, and the others run`() async throws {
        try await Arena.run { arena in
            try await arena.send("HSET", arena.key("jobs"), "mangled", "\u{1}no header")
            try await arena.send("ZADD", arena.key("ready"), "0", "mangled")
            let good = try await arena.enqueue("good")
            try await arena.node(handlers: ["good": Handler { _ in }])
            try await arena.log.wait { $0.isAck }
            let mangled = JobID(unchecked: "mangled")
            #expect(try await eventually { try await arena.detail(mangled).state == .dead })
            #expect(try await arena.detail(mangled).tries.reason.hasPrefix("malformed: "))
            #expect(arena.log.runs == [good: 1])
        }
    }

    @Test func `cancelling a running job cancels its handler, and the slot runs the next job`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let notes = Notes<Bool>()
            let handler = Handler { _ in
                defer { notes.add(Task.isCancelled) }
                try await gate.pass()
            }
            let id = try await arena.enqueue("gate")
            try await arena.node(
                concurrency: 1, lease: .seconds(6), handlers: ["gate": handler, "next": Handler { _ in }])
            try await arena.log.wait { $0.began?.id == id }
            let next = try await arena.enqueue("next")
            #expect(try await arena.client.cancel(id, on: arena.queue, reason: "not needed") == .requested)
            let settled = try await arena.log.wait { $0.settled?.job.id == id }
            #expect(settled.settled?.settle == .cancel(reason: "cancelled: not needed"))
            #expect(notes.all == [true])
            #expect(try await arena.client.state(of: id, on: arena.queue) == .cancelled)
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == next }
        }
    }

    @Test func `a job with a lease of its own is extended by that lease`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let lease = Duration.seconds(6)
            let id = try await arena.enqueue("gate") { $0.lease = lease }
            try await arena.node(handlers: ["gate": Handler { _ in try await gate.pass() }])
            try await arena.log.wait { $0.began?.id == id }
            let first = try await arena.detail(id)
            let deadlineMs = try #require(first.whenMs)
            // The deadline is rounded up to a ms and the clock down, and both may be looked at in the same ms.
            #expect(deadlineMs - first.serverMs <= 6001)
            // Kept beyond what the claim gave it: that is the heartbeat.
            #expect(try await eventually { try await arena.detail(id).whenMs ?? 0 > deadlineMs + 1000 })
            gate.open()
            try await arena.log.wait { $0.isAck }
            #expect(arena.log.lapses.isEmpty)
        }
    }

    @Test func `assertHeld passes under a lease, and throws when it could not be confirmed in time`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let notes = Notes<StintError.Code?>()
            let handler = Handler { context in
                try context.assertHeld()
                notes.add(nil)
                try? await gate.pass()
                do { try context.assertHeld() } catch let error as StintError { notes.add(error.code) }
                throw CancellationError()
            }
            try await arena.enqueue("careful")
            let lease = Duration.seconds(3)
            try await arena.node(lease: lease, handlers: ["careful": handler]) { $0.maxLapses = 1 }
            let began = try await arena.log.wait { $0.began != nil }
            arena.server.freeze()
            // The handler is cancelled in time although Redis says nothing.
            let ended = try await arena.log.wait { $0.ended != nil }
            #expect(ended.ended?.settle == .nothing)
            // By its own clock, not by a call that gave up waiting; with room for a machine that looks at it late.
            #expect(ended.at - began.at < lease * 2)
            #expect(notes.all == [nil, .leaseLost])
            arena.server.thaw()
        }
    }
}
