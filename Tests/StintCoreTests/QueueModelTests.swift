import StintCore
import Testing

/// What the model says by itself. That the scripts say the same is for the histories.
struct QueueModelTests {
    private static let start: Int64 = 1_000_000
    private let me = ConsumerID(parsing: "me/1"), other = ConsumerID(parsing: "other/1")

    private func job(
        _ id: String, priority: Int = 0, due: QueueModel.Due = .now, maxLapses: Int? = nil
    ) -> QueueModel.NewJob {
        let header = JobHeader(type: "t", priority: priority, maxLapses: maxLapses)
        return QueueModel.NewJob(id: JobID(unchecked: id), header: header, due: due)
    }

    private func queue(_ jobs: QueueModel.NewJob...) throws -> QueueModel {
        var queue = QueueModel()
        _ = try queue.enqueue(jobs, atUs: Self.start)
        return queue
    }

    private func claim(_ queue: inout QueueModel, _ limit: Int = 10, afterMs: Int64 = 0) throws -> [QueueModel.Claim] {
        let claimed = try queue.claim(
            limit, for: try #require(me), leaseMs: 10, atUs: Self.start + afterMs * 1000)
        return claimed.ids.map { .init(id: $0, token: queue.lastToken) }
    }

    private func ids(_ queue: QueueModel, _ state: JobState) -> [String] { queue.ids(state).map(\.rawValue) }

    @Test func `the higher priority runs first, then who came first, whatever the ids`() throws {
        let queue = try queue(job("c"), job("a"), job("z", priority: 1), job("b"))
        #expect(ids(queue, .ready) == ["z", "c", "a", "b"])
    }

    @Test func `an id is accepted once, also when it is done`() throws {
        var queue = try queue(job("a"))
        #expect(try queue.enqueue([job("a"), job("b"), job("b")], atUs: 0) == [.exists(.ready), .accepted, .repeated])
        _ = try queue.ack(try claim(&queue), by: try #require(me))
        #expect(try queue.enqueue([job("a")], atUs: 0) == [.exists(.done)])
        #expect(queue.jobs.isEmpty && queue.done.count == 2)
    }

    @Test func `a job is not claimed before it is due`() throws {
        var queue = try queue(job("a", due: .afterMs(3)))
        #expect(try claim(&queue, afterMs: 2) == [])
        #expect(try claim(&queue, afterMs: 3).map(\.id.rawValue) == ["a"])
    }

    @Test func `who does not hold a job changes nothing about it`() throws {
        var queue = try queue(job("a"))
        let old = try claim(&queue)
        let (me, other) = (try #require(me), try #require(other))
        _ = try queue.reap(10, maxLapses: 3, atUs: Self.start + 10_000)
        var unchanged = queue
        #expect(try unchanged.ack(old, by: me).refused.map(\.refusal) == [.gone])
        #expect(unchanged == queue)
        let new = try claim(&queue, afterMs: 11)
        unchanged = queue
        #expect(try unchanged.ack(old, by: me).refused.map(\.refusal) == [.stale])
        #expect(try unchanged.ack(new, by: other).refused.map(\.refusal) == [.stale])
        #expect(try unchanged.extend(old.map { ($0, 5) }, by: me, atUs: Self.start).refused.map(\.refusal) == [.stale])
        #expect(unchanged == queue)
        #expect(try queue.ack(new, by: me).accepted == 1)
    }

    @Test func `a lease runs out at its deadline and not before, and its last lapse buries the job`() throws {
        var queue = try queue(job("a"), job("b", maxLapses: 1))
        _ = try claim(&queue)
        #expect(try queue.reap(10, maxLapses: 2, atUs: Self.start + 9_999).lapses == [])
        #expect(try queue.reap(10, maxLapses: 2, atUs: Self.start + 10_000).lapses.count == 2)
        #expect(ids(queue, .ready) == ["a"] && ids(queue, .dead) == ["b"])
    }

    @Test func `released and lapsed jobs go to the front in their order, nacked ones to the end`() throws {
        var queue = try queue(job("a"), job("b"), job("c"), job("d"))
        let held = try claim(&queue, 3)
        let me = try #require(me)
        _ = try queue.nack([.init(held[2], .retry, delayMs: 0, maxFailures: 9, reason: "")], by: me, atUs: Self.start)
        _ = try queue.release(Array(held.prefix(2)), by: me, delayMs: 0, atUs: Self.start)
        #expect(ids(queue, .ready) == ["a", "b", "d", "c"])
    }

    @Test func `a job that is wanted cancelled ends so, by every way out but an ack`() throws {
        var queue = try queue(job("a"), job("b"), job("c"), job("d"))
        let held = try claim(&queue)
        let me = try #require(me)
        #expect(try queue.cancel(held.map(\.id), reason: "why", atUs: 0) == Array(repeating: .requested, count: 4))
        #expect(try queue.extend([(held[0], 10)], by: me, atUs: Self.start).cancels.map(\.reason) == ["why"])
        _ = try queue.nack([.init(held[0], .retry, delayMs: 0, maxFailures: 9, reason: "")], by: me, atUs: Self.start)
        _ = try queue.release([held[1]], by: me, delayMs: 5, atUs: Self.start)
        _ = try queue.ack([held[3]], by: me)
        _ = try queue.reap(10, maxLapses: 3, atUs: Self.start + 10_000)
        #expect(Set(ids(queue, .cancelled)) == ["a", "b", "c"] && ids(queue, .done) == ["d"])
    }

    @Test func `done ids are forgotten a generation at a time`() throws {
        var queue = try queue(job("a"))
        _ = try queue.ack(try claim(&queue), by: try #require(me))
        #expect(try queue.trim(10, .done, keepMs: 5, keep: 9, atUs: Self.start) == 0)
        #expect(try queue.trim(10, .done, keepMs: 5, keep: 9, atUs: Self.start + 5_000) == 0)
        #expect(queue.doneBefore.count == 1)
        #expect(try queue.trim(10, .done, keepMs: 5, keep: 0, atUs: Self.start + 5_000) == 1)
        #expect(queue.state(of: JobID(unchecked: "a")) == nil)
    }

    @Test func `malformed calls change nothing`() throws {
        var queue = try queue(job("a"))
        let before = queue
        let me = try #require(me)
        #expect(throws: QueueModel.Malformed.self) { try queue.claim(0, for: me, leaseMs: 5, atUs: 0) }
        #expect(throws: QueueModel.Malformed.self) { try queue.purge(1, .leased) }
        #expect(throws: QueueModel.Malformed.self) { try queue.reap(0, maxLapses: 3, atUs: 0) }
        #expect(queue == before)
    }
}
