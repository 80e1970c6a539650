import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// What `fsck` finds of the damage that a test does by hand, and what mending makes of it.
@Suite(.timeLimit(.minutes(5)))
struct FsckTests {
    /// Looks, which must change nothing; then mends; then finds nothing any more.
    private func mend(
        _ bench: Bench, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String] {
        let told = try await bench.expectNoWrites(sourceLocation: sourceLocation) {
            try await bench.fsck(mends: false)
        }
        let mended = Set(try await bench.fsck(mends: true))
        #expect(mended.isSubset(of: told) && mended.isEmpty == told.isEmpty, sourceLocation: sourceLocation)
        #expect(try await bench.fsck(mends: false) == [], sourceLocation: sourceLocation)
        return told
    }

    @Test func `a queue in use has nothing to mend`() async throws {
        try await withQueue { bench in
            for state in [JobState.done, .dead, .cancelled, .leased, .scheduled, .ready] {
                try await bench.bring("\(state)", to: state)
            }
            _ = try await bench.store.cancel([JobID("leased")], on: bench.queue, reason: "late")
            #expect(try await mend(bench) == [])
        }
    }

    @Test func `a record that no index holds is made ready, at the end of its priority, and a node is woken`()
        async throws
    {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            try await bench.redis("ZREM", bench.key("ready"), "a")
            try await bench.redis("UNLINK", bench.key("wake"))
            #expect(try await mend(bench) == ["lost a"])
            #expect(try await bench.wakeMarks() == 1)
            #expect(try await bench.claim().ids == ["b", "c", "a"])
        }
    }

    @Test func `what is left of a done job is removed`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .done)
            try await bench.redis("HSET", bench.key("jobs"), "a", "jnoop\n")
            try await bench.redis("HSET", bench.key("tries"), "a", "1 0 5 oops")
            try await bench.redis("HSET", bench.key("meta"), "extras", "tries,")
            #expect(try await mend(bench) == ["leftover a"])
            let dump = try await bench.dump()
            #expect(dump.states == ["a": .done] && dump.records.isEmpty && dump.tries.isEmpty)
        }
    }

    /// Of two indexes the one that stays: a way out of `leased` goes on, but for that to `ready`; what may run goes before
    /// what has ended.
    static let pairs: [(JobState, JobState, kept: JobState)] = [
        (.leased, .ready, .leased), (.leased, .scheduled, .scheduled), (.leased, .dead, .dead),
        (.leased, .cancelled, .cancelled), (.leased, .done, .done), (.scheduled, .ready, .ready),
        (.dead, .ready, .ready), (.cancelled, .ready, .ready), (.scheduled, .cancelled, .scheduled),
        (.dead, .cancelled, .dead), (.ready, .done, .ready),
    ]

    @Test(arguments: pairs) func `a job in two indexes stays in the safest one`(
        first: JobState, second: JobState, kept: JobState
    ) async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: first)
            switch second {
            case .done: try await bench.redis("SADD", bench.key("done"), "a")
            case .ready: try await bench.redis("ZADD", bench.key("ready"), "\(100 << 45)", "a")
            default: try await bench.redis("ZADD", bench.key(second.rawValue), "1764115200000", "a")
            }
            let found = try await mend(bench)
            #expect(found.first == "twice a" && found.dropFirst().allSatisfy { $0.hasPrefix("unused ") }, "\(found)")
            #expect(try await bench.dump().states == ["a": kept])
        }
    }

    @Test func `an id without a record is buried wherever it waits, and forgotten when it was cancelled`() async throws
    {
        try await withQueue(missingRecords: ["ready", "scheduled", "leased", "dead"]) { bench in
            for state in [JobState.dead, .cancelled, .leased, .scheduled, .ready] {
                try await bench.bring("\(state)", to: state)
                try await bench.redis("HDEL", bench.key("jobs"), "\(state)")
            }
            let found = Set(try await mend(bench).filter { !$0.hasPrefix("unused ") })
            #expect(found == ["empty ready", "empty scheduled", "empty leased", "empty cancelled", "stray cancelled"])
            let dump = try await bench.dump()
            #expect(dump.states == ["ready": .dead, "scheduled": .dead, "leased": .dead, "dead": .dead])
            #expect(try await bench.detail("leased")?.tries.reason == "quarantined: the record is missing")
        }
    }

    @Test func `a lease without a holder ends now, and its job runs again`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .leased)
            try await bench.forgetHolder(of: "a")
            #expect(try await mend(bench) == ["unheld a"])
            #expect(try await bench.store.reap(from: bench.queue).lapses.map(\.id.rawValue) == ["a"])
            #expect(try await bench.state("a") == .ready)
        }
    }

    @Test(arguments: ["inf", "-inf", "-5", "0.5", "1e300"])
    func `scores that are no time and no order are mended, and the jobs run`(score: String) async throws {
        try await withQueue { bench in
            for state in [JobState.leased, .scheduled, .ready] {
                try await bench.bring("\(state)", to: state)
                try await bench.redis("ZADD", bench.key(state.rawValue), score, "\(state)")
            }
            let found = Set(try await mend(bench).filter { !$0.hasPrefix("unused ") })
            #expect(found == ["score ready", "score scheduled", "score leased"])
            _ = try await bench.store.reap(from: bench.queue)
            #expect(Set(try await bench.claim().ids) == ["leased", "ready", "scheduled"])
        }
    }

    @Test func `what refers to nothing is removed`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for (key, field, value) in [
                ("leases", "1764115200000000", "7:me/x"), ("leases", "", "pad"), ("tries", "gone", "1 0 5 oops"),
                ("cancels", "a", "late"), ("jobs", "", "pad"),
            ] {
                try await bench.redis("HSET", bench.key(key), field, value)
            }
            try await bench.redis("ZADD", bench.key("leased"), "+inf", String(repeating: " ", count: 65))
            let expected = [
                "stray ", "stray \(String(repeating: " ", count: 65))", "stray a", "stray gone", "unused ",
                "unused 1764115200000000",
            ]
            #expect(try await mend(bench).sorted() == expected)
            #expect(try await bench.dump().states == ["a": .ready])
        }
    }

    @Test func `a token above the last one raises that, so that the next one is higher`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let token = try #require(try await bench.claim(1).token)
            try await bench.redis("HSET", bench.key("meta"), "token", "5")
            #expect(try await mend(bench).allSatisfy { $0.hasPrefix("token ") })
            #expect(try await bench.redis("HGET", bench.key("meta"), "token").string == "\(token)")
        }
    }

    @Test func `a large queue is walked in steps, and each job once`() async throws {
        try await withQueue { bench in
            for start in stride(from: 0, to: 3000, by: 1000) {
                let jobs = try (start..<start + 1000).map { try bench.job("j\($0)") }
                _ = try await bench.store.enqueue(jobs, on: bench.queue)
            }
            try await bench.redis("UNLINK", bench.key("ready"))
            var (cursor, steps, lost): (String?, Int, Set<String>) = ("0", 0, [])
            while let at = cursor {
                let step = try await bench.store.fsck(100, of: "jobs", from: at, on: bench.queue, mends: true)
                #expect(step.looked < 600)
                lost.formUnion(step.findings.map(\.id))
                (cursor, steps) = (step.next, steps + 1)
            }
            #expect(lost.count == 3000 && steps > 10)
            #expect(try await bench.inspector.stats(of: bench.queue).ready == 3000)
        }
    }

    @Test func `malformed arguments are refused`() async throws {
        try await withQueue { bench in
            for bad in [
                [], ["jobs"], ["jobs", "0"], ["jobs", "0", "9"], ["jobs", "x", "9", "0"], ["jobs", "0", "0", "0"],
                ["jobs", "0", "9", "2"], ["meta", "0", "9", "0"], ["", "0", "9", "0"],
            ] {
                try await bench.expectRefused(Scripts.fsck, bad)
            }
        }
    }
}
