import StintCore
import StintLua
import StintRuntime
import StintStore
import Testing

/// Queues whose order is changed while they have jobs.
@Suite(.timeLimit(.minutes(5)))
struct ReorderTests {
    private static let orders: [QueueOrder] = [
        .priority, .fifo, .lifo, .deadline, .shortest, .aged(.milliseconds(3)), .aged(.milliseconds(1)),
    ]

    /// Jobs that every order puts in another order, each in a millisecond of its own.
    private func fill(_ bench: Bench) async throws {
        for (number, id) in ["c", "a", "f", "b", "e", "d"].enumerated() {
            let (deadline, estimate) = ((number * 3) % 5 + 1, (number * 2) % 5 + 1)
            try await bench.add(
                id, priority: number % 3, deadline: number == 2 ? nil : .at(ms: Int64(deadline) * 1_000_000),
                estimate: number == 4 ? nil : .seconds(Int64(estimate)))
            try await bench.tick()
        }
    }

    @Test(arguments: orders, orders)
    func `jobs come into a new order as if they had been enqueued in it`(old: QueueOrder, new: QueueOrder) async throws
    {
        var expected: [String] = []
        try await withQueue { bench in
            try await bench.setOrder(new)
            try await fill(bench)
            expected = try await bench.ids(.ready)
        }
        try await withQueue { bench in
            try await bench.setOrder(old)
            try await fill(bench)
            try await bench.setOrder(new)
            #expect(try await !bench.store.order(of: bench.queue).isReordering)
            let found = try await bench.ids(.ready)
            // A deadline does not tell when its job came: then it is taken to come now. The one without one is the first then.
            if old == .deadline, new != .deadline {
                #expect(found.sorted() == expected.sorted() && (new != .fifo || found.first == "f"))
            } else {
                // Times between two jobs differ by a little from one queue to the other.
                if case .aged = new { return #expect(found.sorted() == expected.sorted()) }
                #expect(found == expected)
            }
        }
    }

    @Test func `a weight of aged jobs takes the place of another`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.aged(.minutes(10)))
            try await bench.enqueue("old")
            try await bench.advance(by: .minutes(5))
            try await bench.enqueue("urgent", priority: 1)
            for (step, first) in [(1, "old"), (10, "urgent"), (4, "old"), (6, "urgent")] as [(Int64, String)] {
                try await bench.setOrder(.aged(.minutes(step)))
                #expect(try await bench.ids(.ready).first == first, "a step of \(step) minutes")
                #expect(try await bench.store.settings(of: bench.queue).order == .aged(.minutes(step)))
            }
        }
    }

    @Test func `where an aged job stood under another weight is not where it goes back to`() async throws {
        try await withQueue { bench in
            try await bench.setOrder(.aged(.minutes(10)))
            try await bench.enqueue("low")
            let held = try await bench.held()
            try await bench.enqueue("urgent", priority: 50)
            try await bench.setOrder(.aged(.minutes(1)))
            _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
            #expect(try await bench.ids(.ready) == ["urgent", "low"])
        }
    }

    @Test func `while jobs are brought into order each can be claimed, once, and none is lost`() async throws {
        try await withQueue { bench in
            let ids = (1000..<3000).map { "\($0)" }
            _ = try await bench.store.enqueue(ids.prefix(1000).map { try bench.job($0) }, on: bench.queue)
            _ = try await bench.store.enqueue(ids.dropFirst(1000).map { try bench.job($0) }, on: bench.queue)
            try await bench.store.configure([("order", "lifo")], of: bench.queue)
            var (cursor, change, claimed, steps): (String?, String, [String], Int) = ("0", "", [], 0)
            while let at = cursor {
                let step = try await bench.store.reorder(50, of: bench.queue, from: at, change: change)
                (cursor, change, steps) = (step.next, step.change, steps + 1)
                claimed += try await bench.claimedIDs(10)
                try await bench.enqueue("new\(steps)")
            }
            #expect(steps > 10)
            let rest = try await bench.claim(1000).ids + bench.claim(1000).ids + bench.claim(1000).ids
            #expect((claimed + rest).sorted() == (ids + (1...steps).map { "new\($0)" }).sorted())
            #expect(rest.first == "new\(steps)")
            let old = rest.filter { !$0.hasPrefix("new") }
            // What came in one call came at one moment: its jobs stay in the order of their ids.
            #expect(old == old.sorted { ($1.prefix(1), $0) < ($0.prefix(1), $1) })
        }
    }

    @Test func `a change that nobody has ended is ended by whoever comes, and a newer one begins anew`() async throws {
        try await withQueue { bench in
            let ids = (1000..<1600).map { "\($0)" }
            _ = try await bench.store.enqueue(ids.map { try bench.job($0) }, on: bench.queue)
            try await bench.store.configure([("order", "lifo")], of: bench.queue)
            let step = try await bench.store.reorder(50, of: bench.queue, from: "0", change: "")
            #expect(try await bench.store.order(of: bench.queue).isReordering && step.next != nil)
            #expect(try await bench.inspector.stats(of: bench.queue).isReordering)
            try await bench.tick()
            try await bench.store.configure([("order", "shortest")], of: bench.queue)
            // Who goes on with the older change is led to the newer one, from its beginning.
            let next = try await bench.store.reorder(1, of: bench.queue, from: step.next ?? "0", change: step.change)
            #expect(next.change != step.change)
            let looked = try await ReorderWalk(bench.store).run(bench.queue)
            #expect(looked >= 600)
            #expect(try await !bench.store.order(of: bench.queue).isReordering)
            #expect(try await bench.claimedIDs() == ids)
        }
    }

    @Test func `the same order again, or an empty queue, asks for nothing`() async throws {
        try await withQueue { bench in
            try await bench.store.configure([("order", "fifo")], of: bench.queue)
            #expect(try await !bench.store.order(of: bench.queue).isReordering)
            try await bench.enqueue("a")
            try await bench.store.configure([("order", "fifo")], of: bench.queue)
            #expect(try await !bench.store.order(of: bench.queue).isReordering)
            let step = try await bench.expectNoWrites {
                try await bench.store.reorder(9, of: bench.queue, from: "7", change: "x")
            }
            #expect(step.next == nil && step.looked == 0)
        }
    }

    @Test func `orders that are none, and malformed steps, are refused`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for order in ["priority", "upside-down", "aged", "aged:", "aged:0", "aged:x", "aged:2592000001", "aged:5:"]
            {
                try await bench.expectRefused(Scripts.configure, ["order", order])
            }
            for arguments in [[], ["0"], ["0", "5"], ["x", "5", ""], ["0", "0", ""], ["-1", "5", ""]] {
                try await bench.expectRefused(Scripts.reorder, arguments)
            }
        }
    }

    @Test(arguments: orders + [.random])
    func `stats tell the order, and how long the oldest has waited where it is known`(order: QueueOrder) async throws {
        try await withQueue { bench in
            try await bench.enqueue("old", priority: 5)
            try await bench.advance(by: .minutes(10))
            try await bench.enqueue("new", priority: 4)
            try await bench.setOrder(order)
            let stats = try await bench.inspector.stats(of: bench.queue)
            #expect(stats.order == order && !stats.isReordering)
            #expect((.minutes(10) ..< .minutes(20)).contains(try #require(stats.oldestReady)), "\(order)")
        }
    }

    @Test func `what an order says of itself is what it is read from`() throws {
        for order in Self.orders + [.random, .aged(.seconds(30)), .aged(.minutes(90))] {
            #expect(try QueueOrder(parsing: "\(order)") == order)
            #expect(QueueOrder(setting: order.setting ?? "") == order)
        }
        for text in ["", "oldest", "aged", "aged:0s", "aged:31d", "aged:5"] {
            #expect(throws: StintError.self) { try QueueOrder(parsing: text) }
        }
    }
}
