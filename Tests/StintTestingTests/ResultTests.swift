import NIOCore
import Stint
import StintTesting
import Testing

private struct Sum: ResultJob {
    static let type = "sum"
    var numbers: [Int]

    func run(_ context: JobContext) async throws -> Int {
        if numbers.isEmpty { throw JobOutcome.reject(reason: "nothing to sum") }
        return numbers.reduce(0, +)
    }
}

/// Results, and changes of jobs that wait, without Redis.
@Suite(.timeLimit(.minutes(1)))
struct ResultTests {
    @Test func `a result is there when its job was drained, for as long as it is kept`() async throws {
        let stint = try TestStint { Sum.self }
        let sum = try await stint.client.enqueue(Sum(numbers: [1, 2]), on: "math")
        let early = await #expect(throws: StintError.self) { try await sum.value }
        #expect(early?.advice.contains("drain()") == true)
        #expect(try await stint.drain().map(\.end) == [.done])
        #expect(try await sum.value == 3)
        try await stint.advance(by: Sum.keepResult - .seconds(1))
        #expect(try await stint.client.result(of: sum.id, on: "math") == ByteBuffer(string: "3"))
        // The janitor comes once a minute.
        try await stint.advance(by: .seconds(61))
        #expect(try await stint.client.result(of: sum.id, on: "math") == nil)
        await #expect(throws: ResultError.self) { try await sum.value }
    }

    @Test func `a job that came to no result says why`() async throws {
        let stint = try TestStint { Sum.self }
        let dead = try await stint.client.enqueue(Sum(numbers: []), on: "math")
        let cancelled = try await stint.client.enqueue(Sum(numbers: [1]), on: "math", .in(.seconds(9)))
        try await stint.client.cancel(cancelled.id, on: "math", reason: "not wanted")
        #expect(try await stint.drain().map(\.end) == [.dead])
        await #expect(throws: ResultError.dead(reason: "nothing to sum")) { try await dead.value }
        await #expect(throws: ResultError.cancelled(reason: "cancelled: not wanted")) { try await cancelled.value }
        let unknown = try JobID("x")
        await #expect(throws: ResultError.unknown) {
            try await stint.client.result(of: unknown, on: "math", within: nil)
        }
    }

    @Test func `a job that waits is given another time, priority and payload`() async throws {
        let seen = Seen()
        let stint = try TestStint { Note.handler { note, _ in await seen.note(note.text) } }
        let client = stint.client
        let a = try await client.enqueue(Note(text: "a"), on: "mail").id
        let b = try await client.enqueue(Note(text: "b"), on: "mail").id
        let c = try await client.enqueue(Note(text: "c"), on: "mail").id
        #expect(try await client.reschedule(a, on: "mail", to: .after(.seconds(5))) == .changed)
        #expect(try await client.setPriority(1, of: c, on: "mail") == .changed)
        #expect(try await client.edit(b, on: "mail", payload: ByteBuffer(string: #"{"text":"new"}"#)) == .edited)
        try await stint.drain()
        #expect(await seen.lines == ["c", "new"])
        try await stint.advance(by: .seconds(5))
        try await stint.drain()
        #expect(await seen.lines == ["c", "new", "a"])
        #expect(try await client.setPriority(1, of: a, on: "mail") == .done)
    }
}
