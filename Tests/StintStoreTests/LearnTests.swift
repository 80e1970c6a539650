import StintCore
import StintLua
import StintStore
import Testing

/// How long runs take, by types: what the order `shortest` goes by where a job does not say it.
@Suite(.timeLimit(.minutes(5)))
struct LearnTests {
    @Test func `jobs go by what was learned of their type, and by their own estimate where they have one`() async throws
    {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            #expect(try await bench.store.learn([RunTime("test", runs: 2, us: 4_000_000)], of: bench.queue))
            try await bench.enqueue("learned")
            try await bench.add("longer", estimate: .seconds(3))
            try await bench.add("shorter", estimate: .seconds(1))
            try await bench.add("like", estimate: .seconds(2))
            #expect(try await bench.claimedIDs() == ["shorter", "learned", "like", "longer"])
        }
    }

    @Test func `what comes back goes by what is known then, and what is ready keeps its place`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            try await bench.add("minute", estimate: .seconds(60))
            try await bench.enqueue("first")
            try await bench.store.learn([RunTime("test", runs: 1, us: 1_000_000)], of: bench.queue)
            #expect(try await bench.ids(.ready) == ["minute", "first"])
            let held = try await bench.held(2)
            _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
            #expect(try await bench.ids(.ready) == ["first", "minute"])
        }
    }

    @Test func `a job that comes due goes by its type, too`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            try await bench.store.learn([RunTime("test", runs: 1, us: 1_000_000)], of: bench.queue)
            try await bench.enqueue("learned", due: .after(.minutes(1)))
            try await bench.add("minute", estimate: .seconds(60))
            try await bench.advance(by: .minutes(2))
            #expect(try await bench.claimedIDs(1) == ["learned"])
        }
    }

    @Test func `another order takes what was learned into account`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            try await bench.store.learn([RunTime("test", runs: 1, us: 1_000_000)], of: bench.queue)
            try await bench.setOrder(.fifo)
            try await bench.add("minute", estimate: .seconds(60))
            try await bench.enqueue("learned")
            try await bench.setOrder(.shortest)
            #expect(try await bench.ids(.ready) == ["learned", "minute"])
        }
    }

    @Test func `what is known counts as much as eight runs`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            for (runs, us, known) in [(2, 11, 5), (1, 14, 6), (8, 0, 3), (1_000_000, 1_000_000, 1)]
                as [(Int, Int64, Int64)]
            {
                try await bench.store.learn([RunTime("test", runs: runs, us: us)], of: bench.queue)
                #expect(try await bench.store.estimates(of: bench.queue) == ["test": .microseconds(known)])
            }
        }
    }

    @Test func `in other orders nothing is written`() async throws {
        try await withQueue { bench in
            for order in [QueueOrder.priority, .fifo, .aged(.seconds(1))] {
                try await bench.setOrder(order)
                #expect(try await !bench.store.learn([RunTime("test", runs: 1, us: 9)], of: bench.queue))
            }
            #expect(try await bench.store.estimates(of: bench.queue).isEmpty)
        }
    }

    @Test func `at most 1,000 types are learned, and those go on learning`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            let types = try (0..<1000).map { try RunTime(JobType("t\($0)"), runs: 1, us: 100) }
            try await bench.store.learn(types, of: bench.queue)
            let more = [RunTime("t0", runs: 1, us: 1000), RunTime("more", runs: 1, us: 5)]
            #expect(try await bench.store.learn(more, of: bench.queue))
            let known = try await bench.store.estimates(of: bench.queue)
            #expect(known.count == 1000 && known["t0"] == .microseconds(200) && known["more"] == nil)
        }
    }

    @Test func `malformed arguments are refused`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            let good = ["test", "1", "5"]
            for arguments in [
                [], ["test"], ["test", "1"], ["test", "0", "5"], ["test", "1.5", "5"], ["test", "1000001", "5"],
                ["test", "1", "-1"], ["test", "1", "562949953421313"], ["test", "x", "5"], ["test", "nan", "5"],
                good + ["test", "1", ""], Array(repeating: good, count: 1001).flatMap { $0 },
            ] {
                try await bench.expectRefused(Scripts.learn, arguments)
            }
            #expect(try await bench.store.estimates(of: bench.queue).isEmpty)
        }
    }

    @Test func `a run that is more than can be told is left out`() {
        var time = RunTime("test")
        time.add(.milliseconds(3))
        time.add(.seconds(-5))
        time.add(.seconds(86_400 * 36_500))
        #expect(time.runs == 2 && time.us == 3000)
    }
}
