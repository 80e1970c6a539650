import NIOCore
import StintCore
import StintLua
import StintStore
import Testing

/// Jobs that are to be started by a time, or not at all.
@Suite(.timeLimit(.minutes(5)))
struct StartByTests {
    @Test func `a job whose time to start has passed is dead and says so, and the others are claimed`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            try await bench.add("late", startBy: .at(ms: 1_580_464_800_250))
            try await bench.add("early", startBy: .after(.minutes(60)))
            let claim = try await bench.claim()
            #expect(claim.ids == ["a", "early"] && !claim.leavesMore)
            let late = try #require(try await bench.detail("late"))
            #expect(late.state == .dead && late.tries.attempt == 1)
            #expect(late.tries.reason == "expired: it was not started by 2020-01-31T10:00:00.250Z")
            #expect(try await bench.inspector.stats(of: bench.queue).deadTotal == 1)
        }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_456_790_400_001, "2016-03-01T00:00:00.001Z"),
            (1_577_836_799_000, "2019-12-31T23:59:59.000Z"),
        ] as [(Int64, String)])
    func `the reason tells the time as people read it`(ms: Int64, text: String) async throws {
        try await withQueue { bench in
            try await bench.add("late", startBy: .at(ms: ms))
            #expect(try await bench.claimedIDs() == [])
            #expect(try await bench.detail("late")?.tries.reason == "expired: it was not started by \(text)")
        }
    }

    @Test func `a claim that brings none because all came too late says whether others are behind them`() async throws {
        try await withQueue { bench in
            for id in ["x", "y"] { try await bench.add(id, startBy: .at(ms: 5)) }
            try await bench.enqueue("a")
            let first = try await bench.claim(2)
            #expect(first.jobs.isEmpty && first.leavesMore)
            #expect(try await bench.claimedIDs(2) == ["a"])
            #expect(try await bench.ids(.dead).sorted() == ["x", "y"])
        }
    }

    @Test func `a job that was started in time runs on, but is not started again later`() async throws {
        try await withQueue { bench in
            try await bench.add("a", startBy: .after(.minutes(1)))
            let held = try await bench.held()
            try await bench.advance(by: .minutes(2))
            #expect(try await bench.nack(try #require(held.first), reason: "first") == .retried)
            #expect(try await bench.claimedIDs() == [])
            let detail = try #require(try await bench.detail("a"))
            #expect(detail.state == .dead && detail.tries.failures == 1)
        }
    }

    @Test func `a redrive takes a time to start away that has passed, and no other`() async throws {
        try await withQueue { bench in
            var late = try bench.job("late", priority: 2, payload: "one\ntwo;b=5\n")
            late.header.startBy = .at(ms: 5)
            _ = try await bench.store.enqueue([late], on: bench.queue)
            #expect(try await bench.claimedIDs() == [])
            try await bench.add("early", startBy: .after(.minutes(60)))
            for held in try await bench.held() { #expect(try await bench.nack(held, .reject) == .dead) }
            let early = try await bench.detail("early")?.header
            #expect(
                try await bench.store.redrive([JobID("late"), JobID("early")], on: bench.queue) == [.ready, .ready])
            #expect(try await bench.detail("early")?.header == early && early?.startBy != nil)
            let job = try #require(try await bench.claim().jobs.first)
            #expect(job.id.rawValue == "late" && job.header == JobHeader(type: "test", priority: 2))
            #expect(String(buffer: job.payload) == "one\ntwo;b=5\n")
        }
    }
}
