import NIOCore
import StintCore
import StintLua
import StintRuntime
import StintStore
import StintTesting
import Testing

/// Which of the ready jobs run first, by the setting `order` of their queue.
@Suite(.timeLimit(.minutes(5)))
struct OrderTests {
    @Test func `first in, first out asks for no priority`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.fifo)
            try await bench.enqueue("b", "a")
            try await bench.enqueue("urgent", priority: 100)
            _ = try await bench.store.enqueue([bench.job("fresh", priority: 9, isFresh: true)], on: bench.queue)
            #expect(try await bench.claimedIDs() == ["b", "a", "urgent", "fresh"])
        }
    }

    @Test func `last in, first out goes by arrival too, also within one call`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.lifo)
            try await bench.enqueue("a", "b")
            try await bench.enqueue("c", priority: 100)
            #expect(try await bench.claimedIDs(2) == ["c", "b"])
            try await bench.enqueue("d")
            #expect(try await bench.claimedIDs() == ["d", "a"])
        }
    }

    @Test func `the earliest deadline runs first, jobs without one after all others by their arrival`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.deadline)
            try await bench.enqueue("z", "y")
            try await bench.add("late", deadline: .after(.minutes(60)))
            try await bench.add("soon", deadline: .after(.minutes(1)))
            try await bench.add("past", deadline: .at(ms: 5))
            #expect(try await bench.claimedIDs() == ["past", "soon", "late", "z", "y"])
        }
    }

    @Test func `the shortest estimate runs first, like ones and those without one by their arrival`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.shortest)
            try await bench.enqueue("z", "y")
            for (id, seconds) in [("hour", 3600), ("z2", 2), ("a2", 2), ("year", 31_000_000)] as [(String, Int64)] {
                try await bench.add(id, estimate: .seconds(seconds))
            }
            try await bench.add("first", estimate: .milliseconds(1))
            #expect(try await bench.claimedIDs() == ["first", "z2", "a2", "hour", "year", "z", "y"])
        }
    }

    @Test func `short jobs starve a long one as long as they come, and aged ones do not`() async throws {
        for (order, starves) in [(QueueOrder.shortest, true), (.aged(.minutes(1)), false)] {
            try await withQueue { bench in
                try await bench.setOrder(order)
                try await bench.add("long", priority: 0, estimate: .minutes(60))
                var claimed: [String] = []
                for number in 0..<20 {
                    try await bench.add("short\(number)", priority: 5, estimate: .seconds(1))
                    claimed += try await bench.claimedIDs(1)
                    try await bench.advance(by: .minutes(1))
                }
                #expect(claimed.contains("long") != starves)
            }
        }
    }

    @Test func `a job is overtaken by a higher priority within the weight of the difference, and no later`()
        async throws
    {
        try await withQueue { bench in
            var random = SeededGenerator(seed: .random(in: 0...UInt64.max))
            try await bench.setOrder(.aged(.seconds(10)))
            var arrivals: [String: (priority: Int, second: Int64)] = [:]
            var second: Int64 = 0
            for number in 0..<150 {
                let (id, priority) = ("\(number)", Int.random(in: -5...5, using: &random))
                try await bench.enqueue(id, priority: priority)
                arrivals[id] = (priority, second)
                let pause = Int64.random(in: 0...15, using: &random)
                try await bench.advance(by: .seconds(pause))
                second += pause
            }
            let order = try await bench.claimedIDs().compactMap { arrivals[$0] }
            #expect(order.count == arrivals.count)
            for (index, first) in order.enumerated() {
                for later in order.dropFirst(index + 1) where later.second < first.second {
                    let bound = Int64(first.priority - later.priority) * 10
                    #expect(first.second - later.second <= bound, "\(first) overtook \(later)")
                }
            }
        }
    }

    @Test func `a claim of a random order draws from all that are ready`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.random)
            let ids = ["a", "b", "c", "d"]
            for id in ids { try await bench.enqueue(id) }
            var counts: [String: Int] = [:]
            for _ in 0..<400 {
                let held = try await bench.held(1)
                counts[try #require(held.first).id.rawValue, default: 0] += 1
                _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
            }
            // A hundred of each, give or take nine: fifty is far away.
            for id in ids { #expect((50..<150).contains(counts[id] ?? 0), "\(counts)") }
        }
    }

    @Test func `a claim of all jobs of a random order mixes them, and leaves none and takes none twice`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.random)
            let ids = (10..<60).map { "\($0)" }
            for id in ids { try await bench.enqueue(id) }
            let some = try await bench.claim(20)
            #expect(some.leavesMore && some.jobs.count == 20)
            let rest = try await bench.claim()
            #expect(!rest.leavesMore && rest.ids != rest.ids.sorted())
            #expect((some.ids + rest.ids).sorted() == ids)
        }
    }

    @Test(arguments: [QueueOrder.deadline, .shortest, .aged(.minutes(1)), .lifo, .fifo, .priority])
    func `the order survives retry, release, lapse and redrive`(order: QueueOrder) async throws {
        try await withQueue { bench in
            try await bench.setOrder(order)
            for (number, id) in ["a", "b", "c", "d"].enumerated() {
                let far = Duration.minutes(Int64(number + 1))
                try await bench.add(id, priority: 10 - number, deadline: .after(far), estimate: far)
                try await bench.tick()
            }
            let all = try await bench.ids(.ready)
            // Handed back they are where they were.
            let held = try await bench.held(2, lease: .milliseconds(1))
            _ = try await bench.store.release([held[1]], on: bench.queue, by: bench.me)
            try await bench.tick(3)
            #expect(try await bench.store.reap(from: bench.queue).lapses.map(\.id.rawValue) == [held[0].id.rawValue])
            #expect(try await bench.ids(.ready) == all)
            // Tried again, or redriven, they come as if they had just arrived.
            let again = try await bench.held(2)
            #expect(try await bench.nack(again[0]) == .retried)
            try await bench.tick()
            #expect(try await bench.nack(again[1], .reject) == .dead)
            _ = try await bench.store.redrive([again[1].id], on: bench.queue)
            let expected: [String] =
                switch order {
                case .fifo: Array(all.dropFirst(2)) + all.prefix(2)
                case .lifo: [all[1], all[0]] + all.dropFirst(2)
                default: all
                }
            #expect(try await bench.ids(.ready) == expected)
        }
    }

    @Test func `jobs that become due go where the order wants them`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.deadline)
            try await bench.add("now", deadline: .at(ms: 3_000_000_000_000))
            try await bench.add("due", due: .after(.minutes(1)), deadline: .at(ms: 2_000_000_000_000))
            try await bench.redis("ZADD", bench.key("scheduled"), "1", "due")
            #expect(try await bench.claimedIDs() == ["due", "now"])
        }
    }
}

extension Bench {
    /// Sets an order, and brings what is ready into it.
    func setOrder(_ order: QueueOrder) async throws {
        try await store.configure([("order", order.setting)], of: queue)
        try await ReorderWalk(store).run(queue)
    }

    /// One job with what orders look at.
    func add(
        _ id: String, priority: Int = 0, due: Due = .now, deadline: Moment? = nil, estimate: Duration? = nil,
        startBy: Moment? = nil
    ) async throws {
        var job = try job(id, priority: priority, due: due)
        (job.header.deadline, job.header.estimate, job.header.startBy) = (deadline, estimate, startBy)
        #expect(try await store.enqueue([job], on: queue) == [.accepted])
    }

    /// Waits until the server's clock has gone on by some milliseconds, so that what comes then comes later.
    func tick(_ ms: Int64 = 1) async throws {
        let now = try await store.serverMs()
        while try await store.serverMs() < now + ms {}
    }
}
