import NIOCore
import StintCore
import StintRuntime
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct OrderConformanceTests {
    /// Which of ``fill(_:)`` runs first in each order, and how long the one has waited by which a queue says how long its oldest has.
    private static let orders: [(order: QueueOrder, ids: [String], oldestMs: Int64?)] = [
        (.priority, ["d", "b", "a", "c"], 40),
        (.aged(.milliseconds(15)), ["b", "a", "d", "c"], 30),
        (.fifo, ["a", "b", "c", "d"], 40),
        (.lifo, ["d", "c", "b", "a"], 40),
        (.deadline, ["c", "a", "b", "d"], 30),
        (.shortest, ["b", "d", "a", "c"], 40),
    ]

    /// One job each 10 ms.
    private func fill(_ stage: Stage) async throws {
        let jobs: [(String, Int, deadlineMs: Int64?, estimateMs: Int64?)] = [
            ("a", 0, 200, nil), ("b", 1, nil, 10), ("c", 0, 100, nil), ("d", 2, nil, 1000),
        ]
        for (index, (id, priority, deadlineMs, estimateMs)) in jobs.enumerated() {
            stage.at(ms: Int64(index) * 10)
            var job = stage.job(id, priority: priority)
            job.header.deadline = deadlineMs.map { .at(ms: Stage.startUs / 1000 + $0) }
            job.header.estimate = estimateMs.map { .milliseconds($0) }
            #expect(try await stage.enqueue([job]) == [.accepted])
        }
        stage.at(ms: 40)
    }

    private func set(_ order: QueueOrder, _ stage: Stage) async throws -> QueueOrder {
        let before = try await stage.store.configure([("order", order.setting)], of: stage.queue)
        try await ReorderWalk(stage.store).run(stage.queue)
        return before.order
    }

    @Test(arguments: Kind.allCases)
    func `jobs run in the order of their queue`(kind: Kind) async throws {
        for (order, ids, oldestMs) in Self.orders {
            let stage = try await Stage(kind)
            #expect(try await set(order, stage) == .priority)
            try await fill(stage)
            #expect(try await stage.ids(.ready) == ids, "\(order)")
            #expect(try await stage.stats().oldestReady == oldestMs.map { .milliseconds($0) }, "\(order)")
            #expect(try await stage.claim(1).ids + stage.claim().ids == ids, "\(order)")
        }
    }

    @Test(arguments: Kind.allCases)
    func `an order that is set with jobs in the queue is that of all of them`(kind: Kind) async throws {
        for (order, ids, _) in Self.orders {
            let stage = try await Stage(kind)
            try await fill(stage)
            _ = try await set(order, stage)
            #expect(try await stage.ids(.ready) == ids, "\(order)")
            let now = try await stage.store.order(of: stage.queue)
            #expect(now.order == order && !now.isReordering)
            #expect(try await stage.stats().order == order)
            #expect(try await set(.fifo, stage) == order)
            #expect(try await stage.ids(.ready).count == 4)
        }
    }

    @Test(arguments: Kind.allCases)
    func `what comes back goes where the order wants it`(kind: Kind) async throws {
        let places: [(QueueOrder, released: [String])] = [
            (.fifo, ["a", "b", "c", "d"]), (.lifo, ["d", "c", "b", "a"]), (.deadline, ["c", "a", "b", "d"]),
            (.aged(.milliseconds(15)), ["b", "a", "d", "c"]),
        ]
        for (order, ids) in places {
            let stage = try await Stage(kind)
            _ = try await set(order, stage)
            try await fill(stage)
            let held = try await stage.held(2)
            stage.at(ms: 60)
            _ = try await stage.release(held)
            #expect(try await stage.ids(.ready) == ids, "\(order)")
        }
    }

    @Test(arguments: Kind.allCases)
    func `random claims bring every job once, and not in the order of arrival`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        _ = try await set(.random, stage)
        let ids = (100..<200).map { "\($0)" }
        try await stage.enqueue(ids.map { stage.job($0) })
        let first = try await stage.claim(40).ids, rest = try await stage.claim().ids
        #expect((first + rest).sorted() == ids)
        #expect(first != Array(ids.prefix(40)))
        #expect(rest.count == 60)
    }
}
