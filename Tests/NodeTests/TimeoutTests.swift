import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    @Suite struct TimeoutTests {}
}

private struct Slow: Job {
    static let type = "slow"
    static let retry = RetryPolicy.never
    static let timeout: Duration? = .milliseconds(150)
    static let lease: Duration? = .seconds(7)

    func run(_ context: JobContext) async throws {
        // Only its cancellation ends it.
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in stream {}
        continuation.finish()
        try Task.checkCancellation()
    }
}

private struct Passing: RunMiddleware {
    func run(_ context: JobContext, next: RunNext) async throws { try await next(context) }
}

extension NodeTests.TimeoutTests {
    private static let policy = RetryPolicy.fixed(.seconds(3600), maxFailures: 2)

    @Test func `a run that takes too long is cancelled, and has failed`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("gate") { $0.timeout = .milliseconds(200) }
            // Nothing else wakes this node for hours.
            try await arena.node(
                polls: false,
                handlers: ["gate": Handler(retry: Self.policy) { _ in try await gate.pass() }])
            let settled = try await arena.log.wait { $0.settled != nil }
            #expect(
                settled.settled?.settle
                    == .retry(after: .seconds(3600), maxFailures: 2, reason: "timed out after 200 ms"))
            let began = try await arena.log.wait { $0.began != nil }
            #expect(settled.at - began.at >= .milliseconds(200))
            let job = try await arena.detail(id)
            #expect((job.state, job.tries.failures) == (.scheduled, 1))
            #expect(job.tries.reason == "timed out after 200 ms")
        }
    }

    @Test func `a handler's timeout holds behind middleware, too`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let handler = Handler(retry: Self.policy, timeout: .milliseconds(100)) { _ in try await gate.pass() }
            try await arena.enqueue("gate")
            try await arena.node(polls: false, middleware: [Passing()], handlers: ["gate": handler])
            let settled = try await arena.log.wait { $0.settled != nil }
            #expect(
                settled.settled?.settle
                    == .retry(after: .seconds(3600), maxFailures: 2, reason: "timed out after 100 ms"))
        }
    }

    @Test func `a shorter timeout that comes later is not missed`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            try await arena.node(
                polls: false, handlers: ["gate": Handler(retry: Self.policy) { _ in try await gate.pass() }])
            let long = try await arena.enqueue("gate") { $0.timeout = .seconds(3600) }
            try await arena.log.wait { $0.began?.id == long }
            let short = try await arena.enqueue("gate") { $0.timeout = .milliseconds(100) }
            let ended = try await arena.log.wait { $0.ended != nil }
            #expect(ended.ended?.job.id == short)
            gate.open()
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == long }
        }
    }

    @Test func `a job's own timeout goes before its handler's`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let long = try await arena.enqueue("gate") { $0.timeout = .seconds(3600) }
            let usual = try await arena.enqueue("gate")
            try await arena.node(handlers: [
                "gate": Handler(retry: Self.policy, timeout: .milliseconds(100)) { _ in try await gate.pass() }
            ])
            let ended = try await arena.log.wait { $0.ended != nil }
            #expect(ended.ended?.job.id == usual)
            gate.open()
            try await arena.log.wait { $0.isAck && $0.settled?.job.id == long }
        }
    }

    @Test func `a handler that returns in spite of its timeout is done`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("done") { $0.timeout = .milliseconds(50) }
            try await arena.node(handlers: ["done": Handler { _ in try? await gate.pass() }])
            try await arena.log.wait { $0.isAck }
            #expect(try await arena.client.state(of: id, on: arena.queue) == .done)
        }
    }

    @Test func `a handler that ignores its timeout is given up, and the run has failed`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let id = try await arena.enqueue("stubborn") { $0.timeout = .milliseconds(50) }
            try await arena.node(
                concurrency: 1,
                handlers: [
                    "stubborn": Handler(retry: Self.policy) { _ in await gate.passStubbornly() },
                    "noop": Handler { _ in },
                ]
            ) { $0.cancelGrace = .milliseconds(100) }
            try await arena.log.wait { $0.handlerAbandoned == id }
            try await arena.log.wait { $0.settled?.job.id == id }
            let job = try await arena.detail(id)
            #expect((job.state, job.tries.failures, job.tries.reason) == (.scheduled, 1, "timed out after 50 ms"))
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            gate.open()
            try await arena.log.wait { $0.ended?.job.id == id }
            #expect(arena.log.entries.count { $0.settled?.job.id == id } == 1)
        }
    }

    @Test func `a type has a timeout and a lease of its own`() async throws {
        try await Arena.run { arena in
            let id = try await arena.client.enqueue(Slow(), on: arena.queue, .in(.seconds(3600))).id
            let own = try await arena.client.enqueue([Slow()], on: arena.queue, .lease(.seconds(9)))[0].id
            #expect(try await arena.detail(id).header?.lease == .seconds(7))
            #expect(try await arena.detail(id).header?.timeout == nil)
            #expect(try await arena.detail(own).header?.lease == .seconds(9))
            let node = RunningNode(try StintNode(arena.client, queues: [arena.queue], concurrency: 1) { Slow.self })
            #expect(try await eventually { try await arena.detail(own).state == .dead })
            #expect(try await arena.detail(own).tries.reason == "timed out after 150 ms")
            node.stop()
            await node.stopped()
        }
    }

    @Test func `a timeout out of range is refused`() async throws {
        try await Arena.run { arena in
            for timeout in [Duration.zero, .seconds(86_400 * 366)] {
                let refusal = await #expect(throws: StintError.self) {
                    try await arena.client.enqueue(Slow(), on: arena.queue, .timeout(timeout))
                }
                #expect(refusal?.code == .invalidArgument)
                let other = #expect(throws: StintError.self) {
                    try StintNode(arena.client, queues: [arena.queue]) {
                        JobHandler(type: "a", timeout: timeout) { _ in }
                    }
                }
                #expect(other?.code == .invalidArgument)
            }
        }
    }
}
