import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// Other priorities and due times for jobs that wait.
@Suite(.timeLimit(.minutes(5)))
struct ChangeTests {
    private func change(_ bench: Bench, _ ids: String..., priority: Int? = nil, due: Due? = nil) async throws
        -> [ChangeOutcome]
    {
        try await bench.store.change(ids.map { try JobID($0) }, on: bench.queue, priority: priority, due: due)
    }

    @Test func `a ready job with another priority goes there by its arrival, and its payload stays`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue([bench.job("a", payload: "x;p=7\nJ;p=8\n")], on: bench.queue)
            try await bench.tick()
            try await bench.enqueue("p", priority: 5)
            try await bench.enqueue("b", "c")
            try await bench.tick()
            try await bench.enqueue("q", priority: 5)
            #expect(try await change(bench, "a", "c", priority: 5) == [.changed, .changed])
            #expect(try await bench.ids(.ready).filter { $0 != "c" } == ["a", "p", "q", "b"])
            let job = try #require(try await bench.claim(1).jobs.first)
            #expect(job.header == JobHeader(type: "test", priority: 5))
            #expect(job.payload == ByteBuffer(string: "x;p=7\nJ;p=8\n"))
        }
    }

    @Test func `the other options of a record stay, and the default is not written`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue(
                [bench.job("a", priority: 3, lease: .seconds(9), maxLapses: 2), bench.job("b", priority: -3)],
                on: bench.queue)
            #expect(try await change(bench, "a", "b", priority: 0) == [.changed, .changed])
            let record = { id in try await bench.redis("HGET", bench.key("jobs"), id).string ?? "" }
            #expect(try await record("a").hasPrefix("Jtest;l=9000;x=2\n"))
            #expect(try await record("b").hasPrefix("jtest\n"))
            #expect(try await change(bench, "a", priority: -100) == [.changed])
            #expect(try await record("a").hasPrefix("Jtest;l=9000;x=2;p=-100\n"))
        }
    }

    @Test func `a scheduled job has another priority when it is due`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", due: .after(.minutes(60)))
            try await bench.enqueue("b", priority: 1, due: .after(.minutes(60)))
            #expect(try await change(bench, "a", priority: 2) == [.changed])
            #expect(try await bench.ids(.ready) == [])
            try await bench.advance(by: .minutes(60))
            #expect(try await bench.claimedIDs() == ["a", "b"])
        }
    }

    @Test func `a due time is changed either way, and wakes who has to know`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", due: .after(.minutes(60)))
            try await bench.enqueue("b")
            try await bench.redis("UNLINK", bench.key("wake"))
            #expect(try await change(bench, "a", due: .after(.minutes(90))) == [.changed])
            #expect(try await bench.wakeMarks() == 1)
            try await bench.redis("UNLINK", bench.key("wake"))
            #expect(try await change(bench, "b", due: .after(.minutes(120))) == [.changed])
            #expect(try await bench.wakeMarks() == 0)
            #expect(try await bench.claimedIDs() == [])
            #expect(try await change(bench, "b", due: .at(ms: 7)) == [.changed])
            #expect(try await bench.wakeMarks() == 1)
            #expect(try await bench.ids(.ready) == ["b"])
            #expect(try await bench.ids(.scheduled) == ["a"])
            try await bench.advance(by: .minutes(89))
            #expect(try await bench.claimedIDs() == ["b"])
            try await bench.advance(by: .minutes(1))
            #expect(try await bench.claimedIDs() == ["a"])
        }
    }

    @Test func `a ready job that is due now stays where it is`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            #expect(
                try await bench.expectNoWrites { try await change(bench, "a", priority: 0, due: .now) } == [.changed])
            #expect(try await bench.claimedIDs() == ["a", "b"])
        }
    }

    @Test func `jobs that do not wait are left alone, and each answer says why`() async throws {
        try await withQueue(missingRecords: ["lost"]) { bench in
            for state in [JobState.done, .dead, .cancelled, .leased] {
                try await bench.bring(state.rawValue, to: state)
            }
            try await bench.enqueue("lost")
            try await bench.redis("HDEL", bench.key("jobs"), "lost")
            let answers = try await bench.expectNoWrites {
                try await change(
                    bench, "done", "dead", "cancelled", "leased", "nobody", "lost", priority: 4,
                    due: .after(.seconds(5)))
            }
            #expect(answers == [.done, .dead, .cancelled, .leased, .unknown, .empty])
        }
    }

    @Test func `malformed changes are refused`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for arguments in [
                [], ["1"], ["1", ""], ["101", "", "a"], ["-101", "", "a"], ["0.5", "", "a"], ["x", "", "a"],
                ["", "x", "a"], ["", "@", "a"], ["", "nan", "a"], ["", "99999999999999999", "a"],
            ] {
                try await bench.expectRefused(Scripts.change, arguments)
            }
            try await bench.expectRefused(Scripts.change, ["1", ""] + (0..<1001).map { "\($0)" })
        }
    }

    @Test func `under every order a changed job is where it would be had it come so`() async throws {
        for order in [QueueOrder.priority, .fifo, .lifo, .deadline, .shortest, .aged(.minutes(1))] {
            var expected: [String] = []
            for changes in [false, true] {
                try await withQueue { bench in
                    try await bench.setOrder(order)
                    for (id, priority) in [("a", 0), ("b", 0), ("c", 3), ("d", 0)] {
                        let isLate = changes && id == "b"
                        try await bench.add(
                            id, priority: isLate ? 0 : id == "b" ? 5 : priority,
                            deadline: id == "d" ? .at(ms: 5) : nil, estimate: id == "a" ? .seconds(1) : nil)
                        try await bench.tick()
                    }
                    if changes { #expect(try await change(bench, "b", priority: 5) == [.changed]) }
                    let found = try await bench.ids(.ready)
                    if changes { #expect(found == expected, "\(order)") } else { expected = found }
                }
            }
        }
    }
}
