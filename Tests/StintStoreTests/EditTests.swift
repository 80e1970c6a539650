import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EditTests {
    private func edit(_ bench: Bench, _ ids: String..., payload: String = "new") async throws -> [EditOutcome] {
        try await bench.store.edit(
            ids.map { (JobID(unchecked: $0), ByteBuffer(string: payload)) }, on: bench.queue)
    }

    @Test(arguments: [JobState.ready, .scheduled, .dead, .cancelled])
    func `a job that is not running gets the new payload and keeps everything else`(state: JobState) async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: state)
            let before = try #require(try await bench.detail("a"))
            let score = try await bench.score(state.rawValue, "a")
            #expect(try await edit(bench, "a", payload: "new\nlines") == [.edited])
            let after = try #require(try await bench.detail("a"))
            #expect(after.payload.map { String(buffer: $0) } == "new\nlines")
            #expect(after.header == before.header && after.tries == before.tries && after.state == state)
            #expect(try await bench.score(state.rawValue, "a") == score)
        }
    }

    @Test func `the options of the job stay, and an empty payload is one`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue(
                [try bench.job("a", priority: -3, lease: .seconds(9), maxLapses: 2)], on: bench.queue)
            #expect(try await edit(bench, "a", payload: "") == [.edited])
            let record = try await bench.redis("HGET", bench.key("jobs"), "a").string
            #expect(record == "Jtest;p=-3;l=9000;x=2\n")
        }
    }

    @Test func `running, done, unknown, empty and encoded jobs are left as they are`() async throws {
        try await withQueue(missingRecords: ["empty"]) { bench in
            try await bench.bring("done", to: .done)
            try await bench.bring("leased", to: .leased)
            try await bench.enqueue("empty", "coded")
            try await bench.redis("HDEL", bench.key("jobs"), "empty")
            try await bench.redis("HSET", bench.key("jobs"), "coded", "Jtest;p=1;c=k7\nxyz")
            try await bench.expectNoWrites {
                let outcomes = try await edit(bench, "done", "leased", "nope", "empty", "coded")
                #expect(outcomes == [.done, .leased, .unknown, .empty, .encoded])
            }
        }
    }

    @Test(arguments: [[], ["a"], ["a", "b", "c"]]) func `malformed arguments are refused`(arguments: [String])
        async throws
    {
        try await withQueue { bench in
            try await bench.enqueue("a")
            try await bench.expectRefused(Scripts.edit, arguments)
        }
    }

    @Test func `more than a thousand jobs are refused`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            try await bench.expectRefused(Scripts.edit, (0..<1001).flatMap { ["id\($0)", "x"] } + ["a", "x"])
        }
    }
}
