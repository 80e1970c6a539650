import Foundation
import NIOCore
import Stint
import StintTesting
import Testing

/// What the handlers of these tests have seen, in its order.
actor Seen {
    private(set) var lines: [String] = []

    func note(_ line: String) { lines.append(line) }
}

struct Note: JobPayload {
    static let type = "note"
    static let retry = RetryPolicy.exponential(base: .seconds(10), maxFailures: 3)
    var text: String
}

struct Upset: Error, CustomStringConvertible {
    var description: String { "upset" }
}

@Suite(.timeLimit(.minutes(1)))
struct TestStintTests {
    @Test func `a job runs when it is due and was drained`() async throws {
        let seen = Seen()
        let stint = try TestStint {
            Note.handler { note, context in await seen.note("\(note.text) \(context.attempt) \(context.queue)") }
        }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail", .in(.seconds(30)), .priority(5))
        #expect(receipt.isAccepted)
        #expect(try await stint.drain().isEmpty)
        let waiting = try stint.job(receipt.id, on: "mail")
        #expect(waiting.state == .scheduled && waiting.priority == 5 && waiting.type == "note")
        #expect(waiting.date?.timeIntervalSince(stint.now).rounded() == 30)
        try await stint.advance(by: .milliseconds(29_999))
        #expect(try stint.job(receipt.id, on: "mail").state == .scheduled)
        try await stint.advance(by: .milliseconds(1))
        #expect(try stint.job(receipt.id, on: "mail").state == .ready)
        let runs = try await stint.drain()
        #expect(runs.map(\.id) == [receipt.id] && runs.map(\.end) == [.done] && runs[0].type == "note")
        #expect(try stint.job(receipt.id, on: "mail").state == .done)
        #expect(await seen.lines == ["a 1 mail"])
    }

    @Test func `jobs run in the order that was set for their queue`() async throws {
        let seen = Seen()
        let stint = try TestStint { Note.handler { note, _ in await seen.note(note.text) } }
        let client = stint.client
        #expect(try await client.setOrder(.lifo, of: "mail") == .priority)
        try await client.enqueue([Note(text: "a"), Note(text: "b"), Note(text: "c")], on: "mail")
        #expect(try await client.order(of: "mail") == .lifo)
        try await stint.drain()
        #expect(await seen.lines == ["c", "b", "a"])
        #expect(try await client.estimates(of: "mail").isEmpty)
        await #expect(throws: StintError.self) { try await client.setOrder(.aged(.zero), of: "mail") }

        var orders: Set<[String]> = []
        for seed in 1...5 as ClosedRange<UInt64> {
            for _ in 1...2 {
                let (seen, ids) = (Seen(), (1...8).map { "\($0)" })
                let stint = try TestStint(seed: seed) { Note.handler { note, _ in await seen.note(note.text) } }
                try await stint.client.setOrder(.random, of: "mail")
                try await stint.client.enqueue(ids.map { Note(text: $0) }, on: "mail")
                try await stint.drain()
                #expect(await seen.lines.sorted() == ids)
                await orders.insert(seen.lines)
            }
        }
        // The same seed draws the same order; two of five may be alike by chance, all of them are not.
        #expect((2...5).contains(orders.count))
    }

    @Test func `a failed job is tried again after the policy's delay, and is dead when its failures are spent`()
        async throws
    {
        let stint = try TestStint { Note.handler { _, _ in throw Upset() } }
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        for attempt in 1...3 {
            let runs = try await stint.drain()
            #expect(runs.map(\.attempt) == [attempt] && runs.map(\.reason) == ["upset"])
            if case .failed(let delay) = runs[0].end {
                #expect(attempt < 3 && delay <= .seconds(20))
                try await stint.advance(by: delay)
            } else {
                #expect(attempt == 3 && runs[0].end == .dead)
            }
        }
        let job = try stint.job(receipt.id, on: "mail")
        #expect(job.state == .dead && job.failures == 3 && job.reason == "upset")
        #expect(try await stint.client.redrive(receipt.id, on: "mail") == .ready)
        #expect(try await stint.drain().map(\.attempt) == [1])
    }

    @Test func `the jitter of retries is that of the seed`() async throws {
        func delays(seed: UInt64) async throws -> [TestRun.End] {
            let stint = try TestStint(seed: seed) { Note.handler { _, _ in throw Upset() } }
            for text in ["a", "b", "c"] { try await stint.client.enqueue(Note(text: text), on: "mail") }
            return try await stint.drain().map(\.end)
        }
        let first = try await delays(seed: 7)
        #expect(first.count == 3 && Set(first).count == 3)
        #expect(try await delays(seed: 7) == first)
        #expect(try await delays(seed: 8) != first)
    }

    @Test func `retries without a delay run in the same drain`() async throws {
        let stint = try TestStint {
            JobHandler(type: "flaky", retry: .fixed(.zero, maxFailures: 5)) { context in
                if context.failures < 2 { throw Upset() }
            }
        }
        try await stint.client.enqueue(payload: ByteBuffer(), type: "flaky", on: "mail")
        let runs = try await stint.drain()
        #expect(runs.map(\.end) == [.failed(retryIn: .zero), .failed(retryIn: .zero), .done])
        #expect(runs.map(\.attempt) == [1, 2, 3])
    }

    @Test func `a handler's word about its job is kept`() async throws {
        let stint = try TestStint {
            Note.handler { note, _ in
                switch note.text {
                case "snooze": throw JobOutcome.snooze(.seconds(60))
                case "reject": throw JobOutcome.reject(reason: "no such address")
                default: throw JobOutcome.retry(in: .seconds(7), reason: "busy")
                }
            }
        }
        for text in ["snooze", "reject", "retry"] { try await stint.client.enqueue(Note(text: text), on: "mail") }
        let runs = try await stint.drain()
        #expect(runs.map(\.end) == [.released(after: .seconds(60)), .dead, .failed(retryIn: .seconds(7))])
        #expect(runs.map(\.reason) == ["", "no such address", "busy"])
        let snoozed = try stint.job(runs[0].id, on: "mail")
        #expect(snoozed.state == .scheduled && snoozed.failures == 0)
    }

    @Test func `what cannot be decoded is dead`() async throws {
        let stint = try TestStint { Note.handler { _, _ in } }
        try await stint.client.enqueue(payload: ByteBuffer(string: "{}"), type: "note", on: "mail")
        let run = try #require(try await stint.drain().first)
        #expect(run.end == .dead && run.reason.hasPrefix("the payload is not a note"))
    }

    @Test func `a job without a handler is handed back`() async throws {
        let stint = try TestStint()
        let receipt = try await stint.client.enqueue(Note(text: "a"), on: "mail")
        #expect(try await stint.drain().map(\.end) == [.unhandled])
        #expect(try stint.job(receipt.id, on: "mail").state == .scheduled)
    }

    @Test func `what was enqueued can be looked at without running it`() async throws {
        let stint = try TestStint()
        try await stint.client.enqueue(Note(text: "later"), on: "mail", .in(.seconds(5)))
        try await stint.client.enqueue([Note(text: "a"), Note(text: "b")], on: "mail")
        try await stint.client.enqueue(payload: ByteBuffer(), type: "other", on: "mail")
        #expect(try stint.waiting(Note.self, on: "mail").map(\.text) == ["a", "b", "later"])
        #expect(try stint.waiting(Note.self, on: "sms").isEmpty)
        #expect(try stint.jobs(.ready, on: "mail").map(\.type) == ["note", "note", "other"])
        #expect(try await stint.client.stats(of: "mail").scheduled == 1)
        #expect(try await stint.client.queues() == ["mail"])
        let error = #expect(throws: StintError.self) { try stint.job(JobID("unknown"), on: "mail") }
        #expect(error?.code == .invalidArgument)
    }

    @Test func `an enqueue is checked as on Redis`() async throws {
        let stint = try TestStint()
        let tooLarge = await #expect(throws: StintError.self) {
            try await stint.client.enqueue(
                payload: ByteBuffer(repeating: 0, count: Defaults.maxPayloadBytes + 1), on: "mail")
        }
        #expect(tooLarge?.code == .payloadTooLarge)
        let outOfRange = await #expect(throws: StintError.self) {
            try await stint.client.enqueue(Note(text: "a"), on: "mail", .priority(101))
        }
        #expect(outOfRange?.code == .invalidArgument)
        let id = try JobID("order-7")
        #expect(try await stint.client.enqueue(Note(text: "a"), on: "mail", .id(id)).isAccepted)
        #expect(try await stint.client.enqueue(Note(text: "b"), on: "mail", .id(id)).outcome == .exists(.ready))
        #expect(try await stint.client.enqueue((0..<2500).map { Note(text: "\($0)") }, on: "sms").count == 2500)
        #expect(try await stint.client.stats(of: "sms").ready == 2500)
    }

    @Test func `two handlers for one type are refused`() {
        let error = #expect(throws: StintError.self) {
            try TestStint {
                Note.handler { _, _ in }
                Note.handler { _, _ in }
            }
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func `a node does not take jobs that are in memory`() throws {
        let stint = try TestStint()
        let error = #expect(throws: StintError.self) {
            try StintNode(stint.client, queues: ["mail"]) { Note.handler { _, _ in } }
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func `what a handler enqueues runs in the same drain`() async throws {
        let seen = Seen()
        // The handler needs the client that it belongs to.
        let later = Later()
        let stint = try TestStint {
            Note.handler { note, context in
                await seen.note(note.text)
                if note.text == "first" {
                    try await later.client?.enqueue(Note(text: "second"), on: context.queue)
                }
            }
        }
        later.client = stint.client
        try await stint.client.enqueue(Note(text: "first"), on: "mail")
        #expect(try await stint.drain().count == 2)
        #expect(await seen.lines == ["first", "second"])
    }

    @Test func `queues take turns, paused ones do not, and a drain can be told which`() async throws {
        let seen = Seen()
        let stint = try TestStint { Note.handler { note, _ in await seen.note(note.text) } }
        try await stint.client.enqueue([Note(text: "a1"), Note(text: "a2")], on: "a")
        try await stint.client.enqueue([Note(text: "b1"), Note(text: "b2")], on: "b")
        try await stint.client.enqueue(Note(text: "c1"), on: "c")
        try await stint.client.pause("c")
        try await stint.drain("b")
        #expect(await seen.lines == ["b1", "b2"])
        try await stint.client.enqueue([Note(text: "b3"), Note(text: "b4")], on: "b")
        try await stint.drain()
        #expect(await seen.lines.dropFirst(2) == ["a1", "b3", "a2", "b4"])
        try await stint.client.resume("c")
        #expect(try await stint.drain().count == 1)
    }

    @Test func `a drain that does not end is an error`() async throws {
        let stint = try TestStint { Note.handler { _, _ in throw JobOutcome.snooze(.zero) } }
        try await stint.client.enqueue(Note(text: "a"), on: "mail")
        let error = await #expect(throws: StintError.self) { try await stint.drain(limit: 50) }
        #expect(error?.message.hasPrefix("50 runs, and there are more") == true)
    }

    @Test func `with a concurrency handlers run at the same time`() async throws {
        let gate = Meeting(3)
        let stint = try TestStint { Note.handler { _, _ in await gate.arrive() } }
        try await stint.client.enqueue((0..<3).map { Note(text: "\($0)") }, on: "mail")
        #expect(try await stint.drain(concurrency: 3).map(\.end) == [.done, .done, .done])
    }

    @Test func `finished jobs are forgotten when their time is over`() async throws {
        let stint = try TestStint { Note.handler { _, _ in } }
        let (done, cancelled) = (try JobID("done"), try JobID("cancelled"))
        try await stint.client.enqueue(Note(text: "a"), on: "mail", .id(done))
        try await stint.drain()
        try await stint.client.enqueue(Note(text: "b"), on: "mail", .id(cancelled))
        try await stint.client.cancel(cancelled, on: "mail")
        try await stint.advance(by: .seconds(600))
        #expect(try await stint.client.state(of: done, on: "mail") == .done)
        try await stint.advance(by: .seconds(900))
        #expect(try await stint.client.state(of: done, on: "mail") == nil)
        #expect(try await stint.client.state(of: cancelled, on: "mail") == .cancelled)
        try await stint.advance(by: .seconds(400 * 86_400))
        #expect(try await stint.client.state(of: cancelled, on: "mail") == nil)
    }

    @Test func `time does not go back`() async throws {
        let stint = try TestStint(startingAt: Date(timeIntervalSince1970: 1_000_000))
        #expect(stint.now == Date(timeIntervalSince1970: 1_000_000))
        try await stint.advance(by: .seconds(5))
        #expect(stint.now == Date(timeIntervalSince1970: 1_000_005))
        await #expect(throws: StintError.self) { try await stint.advance(by: .seconds(-1)) }
        #expect(stint.now == Date(timeIntervalSince1970: 1_000_005))
    }
}
