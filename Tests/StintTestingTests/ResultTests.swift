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

    @Test func `what a job says while it runs can be read when time has passed, and when it has ended`() async throws {
        let (started, gate) = (Meeting(2), Meeting(2))
        let stint = try TestStint {
            Note.handler { note, context in
                context.progress(0.25, "a quarter of \(note.text)")
                context.log("first")
                await started.arrive()
                await gate.arrive()
                context.log("last")
                throw Upset()
            }
        }
        let client = stint.client
        let id = try await client.enqueue(Note(text: "pie"), on: "mail").id
        #expect(try await client.progress(of: id, on: "mail") == nil)
        async let runs = stint.drain()
        await started.arrive()
        try await stint.advance(by: .seconds(20))
        let progress = try await client.progress(of: id, on: "mail")
        #expect(progress?.fraction == 0.25 && progress?.note == "a quarter of pie")
        #expect(try await client.log(of: id, on: "mail").map(\.text) == ["first"])
        await gate.arrive()
        #expect(try await runs.map(\.reason) == ["upset"])
        #expect(try await client.progress(of: id, on: "mail") == progress)
        #expect(try await client.log(of: id, on: "mail").map(\.text) == ["first", "last"])
        try await stint.advance(by: .seconds(86_400))
        #expect(try await client.log(of: id, on: "mail").isEmpty)
    }

    @Test func `failures are grouped, and those of a group come back`() async throws {
        let stint = try TestStint {
            Sum.self
            Note.handler { note, _ in if note.text != "fine" { throw JobOutcome.reject(reason: "no \(note.text)") } }
        }
        let client = stint.client
        for numbers in [[], [], [1]] as [[Int]] { try await client.enqueue(Sum(numbers: numbers), on: "math") }
        let note = try await client.enqueue(Note(text: "such mail"), on: "math").id
        try await stint.drain()
        let groups = try await client.failures(of: "math")
        #expect(groups.map(\.reason) == ["nothing to sum", "no such mail"] && groups.map(\.dead) == [2, 1])
        #expect(groups[1].sample == note && groups[1].types == ["note": 1])
        let filter = DeadJobFilter(fingerprint: groups[1].fingerprint)
        #expect(try await client.preview(where: filter, on: "math").samples == [note])
        let report = try await client.redrive(
            where: filter, on: "math", payload: ByteBuffer(string: #"{"text":"fine"}"#))
        #expect(report.ready == 1 && report.found == 1)
        #expect(try await stint.drain().map(\.end) == [.done])
        #expect(try await client.stats(of: "math").dead == 2)
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
