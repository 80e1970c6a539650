import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// At most one job has a key: who gets it, who is refused, and when it is free again.
@Suite(.timeLimit(.minutes(5)))
struct UniqueTests {
    @Test(arguments: [JobState.ready, .scheduled, .leased])
    func `a key is one living job's, and who comes second hears whose it is and in which state`(state: JobState)
        async throws
    {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "order 7", due: state == .scheduled ? .after(.minutes(60)) : .now)
            if state == .leased { _ = try await bench.claim() }
            try await bench.expectNoWrites { () async throws in
                #expect(try await bench.enqueueUnique("b", "order 7") == .taken(by: JobID("a"), state))
            }
            #expect(try await bench.enqueueUnique("c", "order 8") == .accepted)
            #expect(try await bench.detail("a")?.uniqueKey == "order 7")
            #expect(try await bench.detail("a")?.header?.unique == .untilDone)
        }
    }

    /// Every way in which a job ends.
    enum End: String, CaseIterable {
        case ack, reject, failures, cancel, cancelLeased, releaseCancelled, reapCancelled, poison, purge, quarantine
    }

    @Test(arguments: End.allCases) func `whatever ends a job frees its key in the same script`(end: End) async throws {
        try await withQueue(missingRecords: end == .quarantine ? ["a"] : []) { bench in
            try await bench.enqueueUnique("a", "k")
            try await finish(end, bench)
            #expect(try await bench.holder(of: "k") == nil)
            #expect(try await bench.enqueueUnique("b", "k") == .accepted)
            #expect(try await bench.holder(of: "k") == "b")
        }
    }

    private func finish(_ end: End, _ bench: Bench) async throws {
        let id = try JobID("a")
        func cancel() async throws {
            _ = try await bench.store.cancel([id], on: bench.queue, reason: "test")
        }
        switch end {
        case .cancel: try await cancel()
        case .purge: _ = try await bench.store.purge(9, .ready, on: bench.queue)
        case .quarantine:
            try await bench.redis("HDEL", bench.key("jobs"), "a")
            _ = try await bench.claim()
        case .ack: _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
        case .reject: _ = try await bench.nack(try #require(try await bench.held().first), .reject)
        case .failures: _ = try await bench.nack(try #require(try await bench.held().first), maxFailures: 1)
        case .cancelLeased:
            let held = try #require(try await bench.held().first)
            try await cancel()
            _ = try await bench.nack(held)
        case .releaseCancelled:
            let held = try await bench.held()
            try await cancel()
            _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
        case .reapCancelled, .poison:
            _ = try await bench.held(lease: .minutes(1))
            if end == .reapCancelled { try await cancel() }
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue, maxLapses: 1)
        }
    }

    @Test func `a retry, a lapse and a release keep the key`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k")
            _ = try await bench.nack(try #require(try await bench.held().first), delay: .zero)
            #expect(try await bench.enqueueUnique("b", "k") == .taken(by: JobID("a"), .ready))
            _ = try await bench.store.release(try await bench.held(), on: bench.queue, by: bench.me)
            #expect(try await bench.enqueueUnique("b", "k") == .taken(by: JobID("a"), .ready))
            _ = try await bench.held(lease: .minutes(1))
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue)
            #expect(try await bench.enqueueUnique("b", "k") == .taken(by: JobID("a"), .ready))
        }
    }

    @Test func `a key that is held until the start is freed by the first claim, for good`() async throws {
        try await withQueue { bench in
            try await bench.enqueueUnique("a", "k", until: .untilStarted)
            #expect(try await bench.enqueueUnique("b", "k", until: .untilStarted) == .taken(by: JobID("a"), .ready))
            let held = try await bench.held()
            #expect(try await bench.holder(of: "k") == nil)
            #expect(try await bench.enqueueUnique("b", "k", until: .untilStarted) == .accepted)
            _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
            #expect(try await bench.holder(of: "k") == "b")
            #expect(try await bench.claimedIDs() == ["a", "b"])
            #expect(try await bench.detail("b")?.uniqueKey == nil)
        }
    }

    @Test func `a key that is held for a time outlives its job, and is forgotten by a trim`() async throws {
        try await withQueue { bench in
            let span = UniqueSpan.time(.minutes(10))
            try await bench.enqueueUnique("a", "k", until: span)
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            #expect(try await bench.enqueueUnique("b", "k", until: span) == .taken(by: JobID("a"), .done))
            let kept = [(JobState.dead, Retention(age: .minutes(9), count: 9))]
            _ = try await bench.store.trim(on: bench.queue, keeping: kept)
            #expect(try await bench.holder(of: "k")?.hasPrefix("a ") == true)
            try await bench.endKeyTimes()
            #expect(try await bench.enqueueUnique("b", "k", until: span) == .accepted)
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            try await bench.endKeyTimes()
            _ = try await bench.store.trim(on: bench.queue, keeping: kept)
            #expect(try await bench.holder(of: "k") == nil)
            #expect(try await bench.redis("EXISTS", bench.key("unique_until")).integer == 0)
        }
    }

    @Test func `a trim forgets at most its limit of the keys whose time is over`() async throws {
        try await withQueue { bench in
            for number in 1...5 { try await bench.enqueueUnique("\(number)", "k\(number)", until: .time(.minutes(1))) }
            try await bench.endKeyTimes()
            let kept = [(JobState.dead, Retention(age: .minutes(9), count: 9))]
            for left in [3, 1, 0] {
                _ = try await bench.store.trim(2, on: bench.queue, keeping: kept)
                #expect(try await bench.redis("HLEN", bench.key("unique")).integer == Int64(left))
            }
        }
    }

    @Test func `a cancel and a purge free a key that is held for a time, a burial does not`() async throws {
        try await withQueue { bench in
            for (id, key) in [("a", "1"), ("b", "2"), ("c", "3")] {
                try await bench.enqueueUnique(id, key, until: .time(.minutes(10)))
            }
            _ = try await bench.nack(try #require(try await bench.held(1).first), .reject)
            _ = try await bench.store.cancel([JobID("b")], on: bench.queue, reason: "test")
            _ = try await bench.store.purge(9, .ready, on: bench.queue)
            #expect(try await bench.enqueueUnique("x", "1") == .taken(by: JobID("a"), .dead))
            #expect(try await bench.enqueueUnique("y", "2") == .accepted)
            #expect(try await bench.enqueueUnique("z", "3") == .accepted)
            #expect(try await bench.redis("ZRANGE", bench.key("unique_until"), "0", "-1").count == 1)
        }
    }

    @Test func `an entry whose job does not live, or knows nothing of the key, blocks nobody`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for (key, id) in [("k", "unknown"), ("l", "a")] {
                try await bench.redis("HSET", bench.key("unique"), key, id)
            }
            #expect(try await bench.enqueueUnique("b", "k") == .accepted)
            #expect(try await bench.enqueueUnique("c", "l") == .accepted)
        }
    }

    @Test func `who says the same enqueue again is told of its own job, also when that is done`() async throws {
        try await withQueue { bench in
            #expect(try await bench.enqueueUnique("a", "k") == .accepted)
            #expect(try await bench.enqueueUnique("a", "k") == .exists(.ready))
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            #expect(try await bench.enqueueUnique("a", "k") == .exists(.done))
        }
    }

    @Test func `of a key that stands twice in a call the first job has it`() async throws {
        try await withQueue { bench in
            let jobs = try [
                bench.unique("a", "k"), bench.unique("b", "k", .replace), bench.unique("c", "l"),
                bench.unique("d", "l", due: .after(.minutes(1))),
            ]
            let outcomes = try await bench.store.enqueue(jobs, on: bench.queue)
            #expect(
                outcomes == [
                    .accepted, .taken(by: try JobID("a"), .ready), .accepted, .taken(by: try JobID("c"), .ready),
                ])
            #expect(try await bench.claimedIDs() == ["a", "c"])
        }
    }

    @Test func `when the last unique job has ended and a trim was there, other jobs cost what they did before`()
        async throws
    {
        try await withOwnServer { bench in
            let kept = [(JobState.done, Retention(age: .minutes(9), count: 1))]
            func round() async throws -> [String: Int] {
                _ = try await bench.store.trim(on: bench.queue, keeping: kept)
                _ = try await bench.store.trim(on: bench.queue, keeping: kept)
                try await bench.redis("CONFIG", "RESETSTAT")
                _ = try await bench.store.enqueue([bench.job("plain", isFresh: true)], on: bench.queue)
                _ = try await bench.store.ack(try await bench.held(1), on: bench.queue, by: bench.me)
                let stats = try await bench.redis("INFO", "commandstats").string ?? ""
                let calls = stats.matches(of: /cmdstat_([a-z|]+):calls=(\d+)/).map { (String($0.1), Int($0.2) ?? 0) }
                return Dictionary(uniqueKeysWithValues: calls).filter { !$0.key.contains(/^(config|eval|script)/) }
            }
            /// About one call in 64 makes a key wide, whenever that is (Lua/include/wide.lua): of ten rounds the cheapest.
            func commands() async throws -> [String: Int] {
                var cheapest = try await round()
                for _ in 1..<10 {
                    let next = try await round()
                    if next.values.reduce(0, +) < cheapest.values.reduce(0, +) { cheapest = next }
                }
                return cheapest
            }
            _ = try await commands()
            let before = try await commands()
            try await bench.enqueueUnique("a", "k")
            _ = try await bench.store.ack(try await bench.held(1), on: bench.queue, by: bench.me)
            #expect(try await bench.redis("HGET", bench.key("meta"), "extras").string == "unique_of,")
            #expect(try await commands() == before)
        }
    }

    @Test func `malformed groups are refused before any write`() async throws {
        try await withQueue { bench in
            for arguments in [
                ["0", "0", "3", "1", "a", "jnoop\n", "keep", "k"],
                ["0", "0", "3", "1", "a", "Jnoop;u=x\n", "keep", "k"],
                ["0", "0", "3", "1", "a", "Jnoop;u=t\n", "keep", "k"],
                ["0", "0", "3", "1", "a", "Jnoop;u=d5\n", "keep", "k"],
                ["0", "0", "3", "2", "a", "Jnoop;u=d\n", "keep", "k"],
                ["0", "0", "3", "1", "a", "Jnoop;u=d\n", "keep"],
            ] { try await bench.expectRefused(Scripts.enqueue, arguments) }
        }
    }
}

extension Bench {
    /// Makes the time of all keys be over.
    func endKeyTimes() async throws {
        try await eval(
            """
            local entries = redis.call('HGETALL', KEYS[1] .. 'unique')
            for i = 1, #entries, 2 do
                local id = string.match(entries[i + 1], '^(%S+) ')
                if id then
                    redis.call('HSET', KEYS[1] .. 'unique', entries[i], id .. ' 1000')
                    redis.call('ZADD', KEYS[1] .. 'unique_until', '1000', entries[i])
                end
            end
            """)
    }
}
