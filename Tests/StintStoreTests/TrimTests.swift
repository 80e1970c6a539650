import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct TrimTests {
    private static let forever = Retention(age: .seconds(86_400 * 365), count: 1_000_000)

    private func fill(_ bench: Bench, _ state: JobState, _ count: Int) async throws {
        for number in 0..<count { try await bench.bring("\(state)-\(number)", to: state) }
    }

    @Test(arguments: [JobState.done, .dead, .cancelled]) func `what is older than its age is forgotten, record and all`(
        state: JobState
    ) async throws {
        try await withQueue { bench in
            try await fill(bench, state, 2)
            try await bench.advance(by: .minutes(100))
            try await bench.bring("young", to: state)
            let keep = Retention(age: .minutes(90), count: 1000)
            #expect(try await bench.store.trim(on: bench.queue, keeping: [(state, keep)]) == [2])
            #expect(try await bench.dump().states == ["young": state])
            #expect(try await bench.store.trim(on: bench.queue, keeping: [(state, keep)]) == [0])
        }
    }

    @Test(arguments: [JobState.done, .dead, .cancelled]) func `of more than the count the oldest are forgotten`(
        state: JobState
    ) async throws {
        try await withQueue { bench in
            for number in 0..<5 {
                try await bench.bring("\(number)", to: state)
                try await bench.advance(by: .minutes(1))
            }
            let trimmed = try await bench.store.trim(
                on: bench.queue, keeping: [(state, Retention(age: .minutes(3600), count: 2))])
            #expect(trimmed == [3])
            #expect(try await bench.dump().states == ["3": state, "4": state])
        }
    }

    @Test func `each state has its own bounds, and the limit is for each`() async throws {
        try await withQueue { bench in
            for state in [JobState.done, .dead, .cancelled] { try await fill(bench, state, 4) }
            let none = Retention(age: .minutes(3600), count: 0)
            #expect(
                try await bench.store.trim(
                    3, on: bench.queue, keeping: [(.done, none), (.cancelled, Self.forever), (.dead, none)]) == [
                        3, 0, 3,
                    ])
            let stats = try await bench.inspector.stats(of: bench.queue)
            #expect(stats.done == 1 && stats.dead == 1 && stats.cancelled == 4)
        }
    }

    @Test func `5,000 old ids are forgotten in calls of 1,000 at most`() async throws {
        try await withQueue { bench in
            try await bench.eval("for i = 1, 5000 do redis.call('ZADD', KEYS[1] .. 'done', i, i) end")
            let bound = Retention(age: .minutes(600), count: 100_000)
            for _ in 0..<5 { #expect(try await bench.store.trim(on: bench.queue, keeping: [(.done, bound)]) == [1000]) }
            #expect(try await bench.store.trim(on: bench.queue, keeping: [(.done, bound)]) == [0])
            #expect(try await bench.raw(Scripts.trim, ["99999", "done", "0", "0"])[0].integer == 0)
        }
    }

    @Test func `an id that was forgotten is accepted again`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .done)
            #expect(try await bench.enqueue("a") == [.exists(.done)])
            _ = try await bench.store.trim(
                on: bench.queue, keeping: [(.done, Retention(age: .minutes(3600), count: 0))])
            #expect(try await bench.enqueue("a") == [.accepted])
        }
    }

    @Test func `living states cannot be trimmed, and what is malformed trims nothing at all`() async throws {
        try await withQueue { bench in
            try await bench.bring("done", to: .done)
            try await bench.advance(by: .minutes(60))
            for bad in [
                ["1000", "ready", "0", "0"], ["1000", "leased", "0", "0"], ["1000", "scheduled", "0", "0"],
                ["1000", "jobs", "0", "0"],
                ["0", "done", "0", "0"], ["x", "done", "0", "0"], ["1000", "done", "0"], ["1000", "done", "x", "0"],
                ["1000", "done", "0", "x"],
                ["1000", "done", "0", "0", "ready", "0", "0"],
            ] {
                try await bench.expectRefused(Scripts.trim, bad)
            }
        }
    }
}
