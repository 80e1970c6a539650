import NIOCore
import StintCore
import StintStore
import Testing

/// A dead id whose record is missing, and a new job that would take its name.
@Suite(.timeLimit(.minutes(5)))
struct QuarantineTests {
    private func quarantine(_ id: String, _ bench: Bench) async throws {
        try await bench.enqueue(id)
        try await bench.redis("HDEL", bench.key("jobs"), id)
        #expect(try await bench.claim().jobs.isEmpty)
        try #require(try await bench.ids(.dead) == [id])
    }

    @Test func `an id that is dead without a record is not accepted again`() async throws {
        try await withQueue(missingRecords: ["ghost"]) { bench in
            try await quarantine("ghost", bench)
            let outcomes = try await bench.expectNoWrites { try await bench.enqueue("ghost") }
            #expect(outcomes == [.exists(.dead)])
            #expect(try await bench.enqueue("a", "ghost", "b") == [.accepted, .exists(.dead), .accepted])
            #expect(try await bench.claimedIDs() == ["a", "b"])
        }
    }

    @Test func `a purge of the dead leaves the records of living jobs alone`() async throws {
        try await withQueue { bench in
            try await quarantine("ghost", bench)
            try await bench.enqueue("ghost", "alive")
            #expect(try await bench.store.purge(1000, .dead, on: bench.queue) == 1)
            #expect(try await bench.dump().violations() == [])
            #expect(try await bench.dump().states == ["alive": .ready])
            // Now the name is free.
            #expect(try await bench.enqueue("ghost") == [.accepted])
            #expect(try await bench.store.purge(1000, .dead, on: bench.queue) == 0)
            let claim = try await bench.claim()
            #expect(claim.ids == ["alive", "ghost"])
            #expect(claim.jobs.map(\.payload) == ["alive", "ghost"].map { ByteBuffer(string: "payload of \($0)") })
        }
    }
}
