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

    @Test(arguments: [JobState.dead, .cancelled]) func `what is older than its age is forgotten, record and all`(
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

    @Test(arguments: [JobState.dead, .cancelled]) func `of more than the count the oldest are forgotten`(
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
            for state in [JobState.dead, .cancelled] { try await fill(bench, state, 4) }
            let none = Retention(age: .seconds(3600), count: 0)
            #expect(
                try await bench.store.trim(3, on: bench.queue, keeping: [(.cancelled, Self.forever), (.dead, none)])
                    == [0, 3])
            let stats = try await bench.inspector.stats(of: bench.queue)
            #expect(stats.dead == 1 && stats.cancelled == 4)
        }
    }

    // MARK: Done

    @Test func `a done job is remembered for its time at least and twice that at most`() async throws {
        try await withQueue { bench in
            let keep = Retention(age: .minutes(90), count: 1000)
            func trim() async throws -> Int {
                try await bench.store.trim(on: bench.queue, keeping: [(.done, keep)])[0]
            }
            try await bench.bring("a", to: .done)
            #expect(try await trim() == 0)
            try await bench.advance(by: .minutes(89))
            try await bench.bring("b", to: .done)
            #expect(try await trim() == 0)
            try await bench.advance(by: .minutes(1))
            // The sets take turns: a is remembered as long as b, which is one minute old.
            #expect(try await trim() == 0)
            #expect(try await trim() == 0)
            try await bench.bring("c", to: .done)
            for id in ["a", "b", "c"] { #expect(try await bench.enqueue(id) == [.exists(.done)]) }
            try await bench.advance(by: .minutes(90))
            #expect(try await trim() == 2)
            #expect(try await bench.dump().states == ["c": .done])
            #expect(try await bench.enqueue("a") == [.accepted])
            #expect(try await bench.enqueue("c") == [.exists(.done)])
        }
    }

    @Test func `of more done jobs than the count the older ones are forgotten`() async throws {
        try await withQueue { bench in
            for number in 0..<6 {
                try await bench.bring("\(number)", to: .done)
                _ = try await bench.store.trim(
                    on: bench.queue, keeping: [(.done, Retention(age: .seconds(3600), count: 2))])
            }
            #expect(try await bench.dump().states == ["4": .done, "5": .done])
        }
    }

    @Test func `the ids of done jobs can be listed page by page, from both sets`() async throws {
        try await withQueue { bench in
            for number in 0..<4 { try await bench.bring("\(number)", to: .done) }
            _ = try await bench.store.trim(on: bench.queue, keeping: [(.done, Retention(age: .seconds(1), count: 0))])
            for number in 4..<6 { try await bench.bring("\(number)", to: .done) }
            var listed: [JobID] = []
            for offset in 0..<7 {
                listed += try await bench.inspector.ids(.done, on: bench.queue, offset: offset, limit: 1)
            }
            #expect(listed.map(\.rawValue).sorted() == ["0", "1", "2", "3", "4", "5"])
            #expect(try await bench.store.purge(4, .done, on: bench.queue) == 4)
            #expect(try await bench.store.purge(4, .done, on: bench.queue) == 2)
            #expect(try await bench.store.purge(4, .done, on: bench.queue) == 0)
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
