import NIOCore
import Stint
import StintTesting
import Testing

/// Nodes that die, freeze and are too late, jobs that are cancelled while they run.
@Suite(.timeLimit(.minutes(1)))
struct TestStintFaultTests {
    @Test func `a job whose node died before its run is run when the lease is over`() async throws {
        let seen = Seen()
        let stint = try TestStint {
            Note.handler { _, context in await seen.note("\(context.attempt) \(context.lapses)") }
        }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.diesBeforeRun, into: Note.self)
        #expect(try await stint.drain().map(\.end) == [.lost])
        #expect(try stint.job(receipt.id, on: "mail").state == .leased)
        try await stint.advance(by: Defaults.lease - .milliseconds(1))
        #expect(try await stint.drain().isEmpty)
        try await stint.advance(by: .milliseconds(1))
        #expect(try stint.job(receipt.id, on: "mail").reason.hasPrefix("lapsed: held by test/"))
        #expect(try await stint.drain().map(\.end) == [.done])
        #expect(await seen.lines == ["2 1"])
    }

    @Test func `a job whose node died after its run is run twice`() async throws {
        let seen = Seen()
        let stint = try TestStint { Note.handler { _, context in await seen.note(context.idempotencyKey) } }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.diesAfterRun, into: Note.self)
        #expect(try await stint.drain().map(\.end) == [.lost])
        try await stint.advance(by: Defaults.lease)
        #expect(try await stint.drain().map(\.end) == [.done])
        #expect(await seen.lines == Array(repeating: "mail/\(receipt.id)", count: 2))
    }

    @Test func `a handler can be killed in its middle`() async throws {
        let seen = Seen()
        let stint = try TestStint {
            Note.handler { _, context in
                await seen.note("charged")
                do {
                    if context.attempt == 1 { try TestStint.die() }
                } catch {
                    // Who is dead does not come back by catching it.
                }
                await seen.note("noted \(context.attempt)")
            }
        }
        try await stint.client.enqueue(Note(text: "a"), on: "mail")
        #expect(try await stint.drain().map(\.end) == [.lost])
        try await stint.advance(by: Defaults.lease)
        #expect(try await stint.drain().map(\.end) == [.done])
        #expect(await seen.lines == ["charged", "noted 1", "charged", "noted 2"])
        #expect(throws: StintError.self) { try TestStint.die() }
    }

    @Test func `a job that kills its node again and again is buried`() async throws {
        let stint = try TestStint { Note.handler { _, _ in } }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.diesBeforeRun, into: Note.self, runs: 3)
        for _ in 1...3 {
            #expect(try await stint.drain().count == 1)
            try await stint.advance(by: Defaults.lease)
        }
        let job = try stint.job(receipt.id, on: "mail")
        #expect(job.state == .dead && job.lapses == 3 && job.reason.hasPrefix("poison"))
    }

    @Test func `faults happen in their order, to their type, and as often as was said`() async throws {
        let stint = try TestStint(lease: .seconds(1)) {
            Note.handler { _, _ in }
            JobHandler(type: "other") { _ in }
        }
        try stint.inject(.diesAfterRun, into: Note.self)
        try stint.inject(.diesBeforeRun, into: Note.self)
        try await stint.client.enqueue(payload: ByteBuffer(), type: "other", on: "mail")
        #expect(try await stint.drain().map(\.end) == [.done])
        try await stint.client.enqueue([Note(text: "a"), Note(text: "b"), Note(text: "c")], on: "mail")
        #expect(try await stint.drain().map(\.end) == [.lost, .lost, .done])
        #expect(throws: StintError.self) { try stint.inject(.diesAfterRun, into: Note.self, runs: 0) }
    }

    @Test(arguments: [false, true])
    func `a settle that comes after the lease is refused`(isRunMeanwhile: Bool) async throws {
        let stint = try TestStint { Note.handler { _, _ in } }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.freezesAfterRun(.seconds(40)), into: Note.self)
        #expect(try await stint.drain().map(\.end) == [.lost])
        #expect(try await stint.advance(by: .seconds(39)).isEmpty)
        #expect(try stint.job(receipt.id, on: "mail").state == .ready)
        if isRunMeanwhile { #expect(try await stint.drain().map(\.end) == [.done]) }
        let late = try await stint.advance(by: .seconds(1))
        #expect(late.map(\.end) == [.refused] && late.map(\.id) == [receipt.id])
        #expect(try stint.job(receipt.id, on: "mail").state == (isRunMeanwhile ? .done : .ready))
    }

    @Test func `a settle that comes within the lease is accepted`() async throws {
        let stint = try TestStint { Note.handler { _, _ in } }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.freezesAfterRun(.seconds(29)), into: Note.self)
        try await stint.drain()
        #expect(try await stint.advance(by: .seconds(60)).map(\.end) == [.done])
        #expect(try stint.job(receipt.id, on: "mail").state == .done)
    }

    @Test func `a running job that is cancelled hears of it at once`() async throws {
        let running = Meeting(2)
        let stint = try TestStint {
            Note.handler { _, _ in
                await running.arrive()
                try await untilCancelled()
            }
        }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        async let runs = stint.drain()
        await running.arrive()
        #expect(try await stint.client.cancel(receipt.id, on: "mail", reason: "changed my mind") == .requested)
        #expect(try await runs.map(\.end) == [.cancelled])
        let job = try stint.job(receipt.id, on: "mail")
        #expect(job.state == .cancelled && job.reason == "cancelled: changed my mind")
    }

    @Test func `a handler that ends all the same is done in spite of its cancel`() async throws {
        let later = Later()
        let stint = try TestStint {
            Note.handler { _, context in
                try await later.client?.cancel(context.id, on: context.queue)
                #expect(Task.isCancelled)
            }
        }
        later.client = stint.client
        try await stint.client.enqueue(Note(text: "a"), on: "mail")
        #expect(try await stint.drain().map(\.end) == [.done])
    }

    @Test func `a handler that runs for long keeps its lease`() async throws {
        let later = Later()
        let stint = try TestStint {
            Note.handler { _, context in
                try await later.stint?.advance(by: .seconds(3600))
                try context.assertHeld()
                #expect(try later.stint?.job(context.id, on: context.queue).state == .leased)
            }
        }
        later.stint = stint
        try await stint.client.enqueue(Note(text: "a"), on: "mail", .lease(.seconds(5)))
        #expect(try await stint.drain().map(\.end) == [.done])
    }

    @Test func `a drain that is cancelled cancels its handler and hands the job back`() async throws {
        let running = Meeting(2)
        let stint = try TestStint {
            Note.handler { _, _ in
                await running.arrive()
                try await untilCancelled()
            }
        }
        let receipts = try await stint.client.enqueue([Note(text: "a"), Note(text: "b")], on: "mail")
        let drain = Task { try await stint.drain() }
        await running.arrive()
        drain.cancel()
        await #expect(throws: CancellationError.self) { try await drain.value }
        #expect(try stint.jobs(.ready, on: "mail").map(\.id) == receipts.map(\.id))
        #expect(try stint.job(receipts[0].id, on: "mail").failures == 0)
    }

    @Test(arguments: [false, true])
    func `a handler whose heartbeats are lost is cancelled before its lease is over`(throwsThen: Bool) async throws {
        let (later, seen) = (Later(), Seen())
        let stint = try TestStint {
            Note.handler { _, context in
                if context.attempt > 1 { return }
                try await later.stint?.advance(by: .milliseconds(27_999))
                try context.assertHeld()
                await seen.note("\(Task.isCancelled)")
                try await later.stint?.advance(by: .milliseconds(1))
                #expect(throws: StintError.self) { try context.assertHeld() }
                await seen.note("\(Task.isCancelled)")
                try await later.stint?.advance(by: .seconds(2))
                if throwsThen { throw Upset() }
            }
        }
        later.stint = stint
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.losesHeartbeats, into: Note.self)
        #expect(try await stint.drain().map(\.end) == [throwsThen ? .lost : .refused, .done])
        #expect(await seen.lines == ["false", "true"])
        #expect(try stint.job(receipt.id, on: "mail").state == .done)
    }

    @Test func `a handler whose heartbeats are lost does not hear of a cancel, and its job is cancelled all the same`()
        async throws
    {
        let later = Later()
        let stint = try TestStint {
            Note.handler { _, context in
                #expect(try await later.stint?.client.cancel(context.id, on: context.queue) == .requested)
                #expect(!Task.isCancelled)
                throw Upset()
            }
        }
        later.stint = stint
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        try stint.inject(.losesHeartbeats, into: Note.self)
        #expect(try await stint.drain().map(\.end) == [.cancelled])
        #expect(try stint.job(receipt.id, on: "mail").state == .cancelled)
    }

    @Test func `a run that takes longer than it may is cancelled, and has failed`() async throws {
        let later = Later()
        let stint = try TestStint {
            Note.handler { _, _ in
                try await later.stint?.advance(by: .seconds(5))
                try Task.checkCancellation()
            }
        }
        later.stint = stint
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail", .timeout(.seconds(5)))
        let run = try #require(try await stint.drain().first)
        #expect(run.reason == "timed out after 5 s")
        #expect(try stint.job(receipt.id, on: "mail").failures == 1)
    }
}
