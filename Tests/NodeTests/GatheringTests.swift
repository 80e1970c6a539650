import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import Testing

extension NodeTests {
    /// What goes into one call, as a value.
    @Suite struct GatheringTests {}
}

extension NodeTests.GatheringTests {
    @Test func `two senders are started at most, and another when one has ended`() {
        var gathering = Gathering<NewJob>()
        // The first has not taken anything yet when the second comes: it will take both.
        let started = [gathering.add(job("a")), gathering.add(job("b"))]
        #expect(started == [true, false])
        #expect(take(&gathering) == ["a", "b"])
        let startedSecond = gathering.add(job("c"))
        #expect(startedSecond)
        #expect(take(&gathering) == ["c"])
        let startedMore = [gathering.add(job("d")), gathering.add(job("e"))]
        #expect(startedMore == [false, false])
        #expect(take(&gathering) == ["d", "e"])
        #expect(take(&gathering) == nil)
        let startedAfterEnd = gathering.add(job("f"))
        #expect(startedAfterEnd)
    }

    @Test func `settles are cut into calls of 1,000 jobs and of 4 MiB of results`() {
        #expect(
            SettleBatch.calls(resultBytes: Array(repeating: 0, count: 2001)) == [0..<1000, 1000..<2000, 2000..<2001])
        #expect(SettleBatch.calls(resultBytes: Array(repeating: 0, count: 1000)) == [0..<1000])
        let mebibyte = 1 << 20
        #expect(SettleBatch.calls(resultBytes: [mebibyte, 3 * mebibyte, 0, 1, mebibyte]) == [0..<3, 3..<5])
        #expect(SettleBatch.calls(resultBytes: [1, 5 * mebibyte, 5 * mebibyte]) == [0..<1, 1..<2, 2..<3])
    }

    @Test func `what waits can be taken back, and its senders end`() {
        var gathering = Gathering<NewJob>()
        _ = gathering.add(job("a"))
        #expect(take(&gathering) == ["a"])
        for id in ["b", "c"] { _ = gathering.add(job(id)) }
        #expect(gathering.takeAll().map(\.id.rawValue) == ["b", "c"])
        #expect(take(&gathering) == nil)
        #expect(take(&gathering) == nil)
    }

    @Test func `jobs that are alike stand together, each kind in the order of arrival`() {
        var gathering = Gathering<NewJob>()
        _ = gathering.add(job("a", priority: 1))
        _ = gathering.add(job("b"))
        _ = gathering.add(job("c", priority: 1))
        _ = gathering.add(job("d", due: .after(.seconds(1))))
        _ = gathering.add(job("e"))
        _ = gathering.add(job("f", isFresh: false))
        #expect(take(&gathering) == ["a", "c", "b", "e", "d", "f"])
    }

    @Test func `an id of the user's stands once in a call`() {
        var gathering = Gathering<NewJob>()
        for id in ["a", "b", "a", "c"] { _ = gathering.add(job(id, isFresh: false)) }
        #expect(take(&gathering) == ["a", "b"])
        #expect(take(&gathering) == ["a", "c"])
    }

    @Test func `a unique key stands once in a call`() {
        var gathering = Gathering<NewJob>()
        for (id, key) in [("a", "k"), ("b", "l"), ("c", "k"), ("d", "m")] {
            var job = job(id)
            job.makeUnique(Unique(key), .untilDone)
            _ = gathering.add(job)
        }
        #expect(take(&gathering) == ["a", "b"])
        #expect(take(&gathering) == ["c", "d"])
    }

    @Test func `a call carries at most 1,000 jobs and 8 MiB, and always one`() {
        var many = Gathering<NewJob>()
        for _ in 0..<1001 { _ = many.add(job("a")) }
        #expect([take(&many)?.count, take(&many)?.count] == [1000, 1])

        var large = Gathering<NewJob>()
        for size in [3, 5, 1, 9, 1] {
            _ = large.add(job("a", payload: ByteBuffer(repeating: 0, count: size << 20)))
        }
        #expect([take(&large)?.count, take(&large)?.count, take(&large)?.count, take(&large)?.count] == [2, 1, 1, 1])
    }

    private func take(_ gathering: inout Gathering<NewJob>) -> [String]? {
        gathering.take { $0 }?.map(\.id.rawValue)
    }

    private func job(
        _ id: String, priority: Int = 0, due: Due = .now, isFresh: Bool = true, payload: ByteBuffer = ByteBuffer()
    ) -> NewJob {
        NewJob(
            id: JobID(unchecked: id), isFresh: isFresh, header: JobHeader(type: "noop", priority: priority),
            payload: payload, due: due)
    }
}
