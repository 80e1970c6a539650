import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// What jobs have to show for themselves, and say while they run.
    @Suite struct ResultJobTests {}
}

private struct Sum: ResultJob {
    static let type = "sum"
    var numbers: [Int]

    func run(_ context: JobContext) async throws -> Int {
        if numbers.isEmpty { throw JobOutcome.reject(reason: "nothing to add") }
        return numbers.reduce(0, +)
    }
}

private struct Large: ResultJob {
    static let type = "large"
    func run(_ context: JobContext) async throws -> String { String(repeating: "x", count: Defaults.maxResultBytes) }
}

extension NodeTests.ResultJobTests {
    private func serving(_ arena: Arena, _ body: () async throws -> Void) async throws {
        try await arena.serving(
            {
                Sum.self
                Large.self
            }, body)
    }

    @Test func `a result comes back to who enqueued the job, and can be read by others`() async throws {
        try await Arena.run { arena in
            try await serving(arena) {
                let receipt = try await arena.client.enqueue(Sum(numbers: [1, 2, 39]), on: arena.queue)
                #expect(try await receipt.value == 42)
                // The job is over: who asks later need not wait.
                #expect(try await receipt.value(within: .zero) == 42)
                let bytes = try await arena.client.result(of: receipt.id, on: arena.queue)
                #expect(bytes == ByteBuffer(string: "42"))
                let other = try await arena.newClient()
                #expect(try await other.value(of: receipt.id, on: arena.queue, as: Int.self) == 42)
            }
        }
    }

    @Test func `many who wait get their own results`() async throws {
        try await Arena.run { arena in
            try await serving(arena) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<50 {
                        group.addTask {
                            let receipt = try await arena.client.enqueue(Sum(numbers: [number, 1]), on: arena.queue)
                            #expect(try await receipt.value == number + 1)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func `a job that waits for its turn wakes who waits for it when it ends`() async throws {
        try await Arena.run { arena in
            let receipt = try await arena.client.enqueue(Sum(numbers: [2, 2]), on: arena.queue)
            let value = Task { try await receipt.value }
            await #expect(throws: ResultError.timedOut) { try await receipt.value(within: .milliseconds(50)) }
            try await serving(arena) { () async throws in #expect(try await value.value == 4) }
        }
    }

    @Test func `a job without a result says why`() async throws {
        try await Arena.run { arena in
            try await serving(arena) {
                let dead = try await arena.client.enqueue(Sum(numbers: []), on: arena.queue)
                await #expect(throws: ResultError.dead(reason: "nothing to add")) { try await dead.value }
                let large = try await arena.client.enqueue(Large(), on: arena.queue)
                let error = await #expect(throws: ResultError.self) { try await large.value }
                #expect("\(error.map { "\($0)" } ?? "")".contains("the limit is \(Defaults.maxResultBytes)"))
            }
            let waiting = try await arena.client.enqueue(Sum(numbers: [1]), on: arena.queue, .in(.seconds(3600)))
            let value = Task { try await waiting.value }
            // So that the cancel comes while somebody waits.
            await #expect(throws: ResultError.timedOut) { try await waiting.value(within: .milliseconds(50)) }
            try await arena.client.cancel(waiting.id, on: arena.queue, reason: "late")
            await #expect(throws: ResultError.cancelled(reason: "cancelled: late")) { try await value.value }
            let plain = try await arena.enqueue("t")
            await #expect(throws: ResultError.notKept) {
                try await arena.client.result(of: plain, on: arena.queue, within: nil)
            }
            await #expect(throws: ResultError.unknown) {
                try await arena.client.result(of: JobID("nobody"), on: arena.queue, within: nil)
            }
        }
    }

    @Test func `who waits goes on waiting when the connection is lost`() async throws {
        try await Arena.runAlone { arena in
            let receipt = try await arena.client.enqueue(Sum(numbers: [2, 3]), on: arena.queue)
            let value = Task { try await receipt.value }
            let isWaiting = try await eventually { try await arena.info("clients")["blocked_clients"] == "1" }
            try #require(isWaiting)
            try await arena.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try await serving(arena) { () async throws in #expect(try await value.value == 5) }
        }
    }

    @Test func `a cancelled task does not wait on`() async throws {
        try await Arena.run { arena in
            let receipt = try await arena.client.enqueue(Sum(numbers: [1]), on: arena.queue)
            let waiting = Task { try await receipt.value }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test func `the next run receives the checkpoint of the last`() async throws {
        try await Arena.run { arena in
            let (found, report) = AsyncStream.makeStream(of: Int?.self)
            try await arena.node(handlers: [
                "t": Handler(retry: .fixed(.zero)) { context in
                    let last = try await context.checkpoint(as: Int.self)
                    report.yield(last)
                    if (last ?? 0) < 2 {
                        try await context.checkpoint((last ?? 0) + 1)
                        throw JobOutcome.retry(in: .zero)
                    }
                }
            ])
            let id = try await arena.enqueue("t")
            try await arena.log.wait { $0.isAck }
            report.finish()
            #expect(await found.reduce(into: []) { $0.append($1) } == [nil, 1, 2])
            #expect(try await arena.client.store.checkpoint(of: id, on: arena.queue) == nil)
        }
    }

    @Test func `a handler whose lease is over cannot store a checkpoint`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            let (errors, report) = AsyncStream.makeStream(of: StintError.Code?.self)
            try await arena.node(handlers: [
                "t": Handler { context in
                    // The next run is another's, and may be here too.
                    guard context.attempt == 1 else { return }
                    try? await gate.pass()
                    do { try await context.checkpoint(1) } catch { report.yield((error as? StintError)?.code) }
                    report.finish()
                }
            ])
            let id = try await arena.enqueue("t")
            try await arena.log.wait { $0.began != nil }
            try await arena.lapseLeases()
            gate.open()
            for await code in errors { #expect(code == .leaseLost) }
            #expect(try await arena.client.store.checkpoint(of: id, on: arena.queue) == nil)
        }
    }

    @Test func `too large a checkpoint is refused before it is sent`() async throws {
        try await Arena.run { arena in
            let (errors, report) = AsyncStream.makeStream(of: StintError.Code?.self)
            try await arena.node(handlers: [
                "t": Handler { context in
                    let large = ByteBuffer(repeating: 0, count: Defaults.maxCheckpointBytes + 1)
                    do { try await context.saveCheckpoint(large) } catch { report.yield((error as? StintError)?.code) }
                    report.finish()
                }
            ])
            try await arena.enqueue("t")
            #expect(await errors.first { _ in true } == .payloadTooLarge)
        }
    }

    @Test func `progress and log of a running job are seen`() async throws {
        try await Arena.run { arena in
            let gate = Gate()
            try await arena.node(handlers: [
                "t": Handler { context in
                    context.progress(0.1, "begun")
                    context.log("one")
                    context.log("two")
                    context.progress(0.5, "half")
                    try await gate.pass()
                    context.log("three")
                }
            ])
            let id = try await arena.enqueue("t")
            #expect(
                try await eventually {
                    let progress = try await arena.client.progress(of: id, on: arena.queue)
                    return progress?.fraction == 0.5 && progress?.note == "half"
                })
            var lines = arena.client.followLog(of: id, on: arena.queue).makeAsyncIterator()
            #expect(try await lines.next()?.text == "one")
            #expect(try await lines.next()?.text == "two")
            gate.open()
            #expect(try await lines.next()?.text == "three")
            try await arena.log.wait { $0.isAck }
            #expect(try await arena.client.progress(of: id, on: arena.queue) == nil)
            #expect(try await arena.client.log(of: id, on: arena.queue).count == 3)
        }
    }

    @Test func `a job that logs more than can be sent is told of it in its log`() async throws {
        try await Arena.run { arena in
            try await arena.node(handlers: ["t": Handler { context in for n in 0..<5000 { context.log("\(n)") } }])
            let id = try await arena.enqueue("t")
            #expect(
                try await eventually {
                    try await arena.client.log(of: id, on: arena.queue).contains { $0.text.contains("were dropped") }
                })
        }
    }
}
