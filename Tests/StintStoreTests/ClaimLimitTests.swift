import NIOCore
import StintCore
import StintStore
import Testing

/// What one claim brings of what there is: by bytes, and of the jobs that have just become due.
@Suite(.timeLimit(.minutes(5)))
struct ClaimLimitTests {
    private static let maxBytes = 8 << 20

    @Test func `a claim of large jobs stays below 8 MiB, and the rest comes with the next ones`() async throws {
        try await withQueue { bench in
            let payload = String(repeating: "x", count: 1 << 20)
            let ids = (0..<20).map { "job-\(10 + $0)" }
            for start in stride(from: 0, to: 20, by: 5) {
                _ = try await bench.store.enqueue(
                    ids[start..<start + 5].map { try bench.job($0, payload: payload) }, on: bench.queue)
            }
            var order: [String] = []
            // Seven, with their headers, are just below the bound.
            for count in [7, 7, 6] {
                let claim = try await bench.claim(20)
                #expect(claim.jobs.count == count)
                #expect(claim.jobs.reduce(0) { $0 + $1.payload.readableBytes } <= Self.maxBytes)
                order += claim.ids
                #expect(claim.leavesMore == (order.count < 20))
                // Whoever is idle can help with the rest.
                #expect(try await bench.wakeMarks() == 1)
                #expect(try await bench.ids(.leased).count == order.count)
            }
            #expect(order == ids)
        }
    }

    @Test func `a job above the bound is claimed alone`() async throws {
        try await withQueue { bench in
            let payload = String(repeating: "x", count: Self.maxBytes + 1)
            try await bench.enqueue("small")
            _ = try await bench.store.enqueue([bench.job("large", payload: payload)], on: bench.queue)
            try await bench.enqueue("last")
            #expect(try await bench.claim(20).ids == ["small"])
            let claim = try await bench.claim(20)
            #expect(claim.ids == ["large"] && claim.leavesMore)
            #expect(claim.jobs.first?.payload.readableBytes == Self.maxBytes + 1)
            #expect(try await bench.claimedIDs() == ["last"])
        }
    }

    @Test func `among due jobs the priority decides, not which one was due first`() async throws {
        try await withQueue { bench in
            let dueMs = try await bench.store.serverMs() + 3_600_000
            for number in 0..<50 { try await bench.enqueue("plain-\(number)", due: .at(ms: dueMs)) }
            try await bench.enqueue("urgent", priority: 100, due: .at(ms: dueMs + 1))
            try await bench.advance(by: .minutes(61))
            #expect(try await bench.claimedIDs(1) == ["urgent"])
        }
    }

    @Test func `a claim that leaves due jobs in the schedule says so and marks for another node`() async throws {
        try await withQueue { bench in
            for start in [0, 1000] {
                _ = try await bench.store.enqueue(
                    (start..<start + 1000).map { try bench.job("job-\($0)", due: .after(.minutes(60)), payload: "") },
                    on: bench.queue)
            }
            try await bench.advance(by: .minutes(61))
            try await bench.redis("UNLINK", bench.key("wake"))
            let claim = try await bench.claim(1000)
            #expect(claim.jobs.count == 1000)
            #expect(try await bench.ids(.ready) == [])
            #expect(claim.leavesMore && claim.dueIn == .zero)
            #expect(try await bench.wakeMarks() == 1)
        }
    }
}
