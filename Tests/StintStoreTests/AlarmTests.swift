import StintCore
import StintLua
import StintStore
import Testing

/// Who is told of a due time, and what a look says.
@Suite(.timeLimit(.minutes(1)))
struct AlarmTests {
    @Test func `one consumer is told of a due time, one of half a second later, the others of nothing`() async throws {
        try await withQueue { bench in
            let third = try ConsumerID(name: "third")
            try await bench.enqueue("a", due: .after(.seconds(60)))
            let first = try #require(try await bench.claim(for: bench.me).dueIn)
            #expect(first > .seconds(50) && first <= .seconds(60))
            let second = try #require(try await bench.claim(for: bench.other).dueIn)
            #expect(second > .seconds(50.5) && second > first - .seconds(5))
            let dueMs = try #require(try await bench.score("scheduled", "a"))
            let (serverUs, looks) = try await bench.store.look(at: [bench.queue], for: bench.other)
            let tells = try #require(looks[0].dueIn)
            #expect(tells == .microseconds(Int64(dueMs) * 1000 - serverUs) + .milliseconds(500))
            #expect(try await bench.claim(for: third).dueIn == nil)
            #expect(try await bench.store.look(at: [bench.queue], for: third).looks[0].dueIn == nil)
            #expect(try await bench.store.promote(on: bench.queue, for: third).dueIn == nil)
        }
    }

    @Test func `who was told is told the same again, without any write`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", due: .after(.seconds(60)))
            _ = try await bench.claim(for: bench.me)
            _ = try await bench.claim(for: bench.other)
            try await bench.expectNoWrites {
                let mine = try #require(try await bench.claim(for: bench.me).dueIn)
                let others = try #require(try await bench.claim(for: bench.other).dueIn)
                #expect(mine <= .seconds(60) && others > mine)
            }
        }
    }

    @Test func `after a pause the next due time is told anew`() async throws {
        try await withQueue { bench in
            let third = try ConsumerID(name: "third")
            try await bench.enqueue("a", due: .after(.minutes(60)))
            for consumer in [bench.me, bench.other] { _ = try await bench.claim(for: consumer) }
            try await bench.store.pause(true, bench.queue)
            for consumer in [bench.me, bench.other] { #expect(try await bench.claim(for: consumer).dueIn == nil) }
            try await bench.store.pause(false, bench.queue)
            #expect(try await bench.claim(for: third).dueIn != nil)
        }
    }

    @Test func `who gave an alarm up is not relied on, and a node is woken`() async throws {
        try await withQueue { bench in
            let third = try ConsumerID(name: "third")
            try await bench.enqueue("a", due: .after(.minutes(60)))
            for consumer in [bench.me, bench.other] { _ = try await bench.claim(for: consumer) }
            #expect(try await bench.claim(for: third).dueIn == nil)
            try await bench.redis("UNLINK", bench.key("wake"))
            try await bench.store.giveUpAlarm(on: bench.queue)
            #expect(try await bench.wakeMarks() == 1)
            #expect(try await bench.claim(for: third).dueIn != nil)
        }
    }

    @Test func `who asked at a time that has not come yet is not relied on`() async throws {
        try await withQueue { bench in
            let third = try ConsumerID(name: "third")
            try await bench.enqueue("a", due: .after(.minutes(60)))
            for consumer in [bench.me, bench.other] { _ = try await bench.claim(for: consumer) }
            // As after a step back of the server's clock.
            try await bench.ageAlarm(by: -100)
            #expect(try await bench.claim(for: third).dueIn != nil)
        }
    }

    @Test func `the next due time is told to whoever asks first`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("late", due: .after(.seconds(60)))
            _ = try await bench.claim(for: bench.me)
            try await bench.enqueue("early", due: .after(.seconds(10)))
            let told = try #require(try await bench.claim(for: bench.other).dueIn)
            #expect(told <= .seconds(10))
            let standIn = try #require(try await bench.claim(for: bench.me).dueIn)
            #expect(standIn > .seconds(0.5) && standIn <= .seconds(10.5))
        }
    }

    @Test func `who has not asked for a quarter of a minute is replaced`() async throws {
        try await withQueue { bench in
            let third = try ConsumerID(name: "third")
            try await bench.enqueue("a", due: .after(.seconds(60)))
            _ = try await bench.claim(for: bench.me)
            _ = try await bench.claim(for: bench.other)
            try await bench.ageAlarm(by: 16)
            let dueMs = try #require(try await bench.score("scheduled", "a"))
            let (serverUs, looks) = try await bench.store.look(at: [bench.queue], for: third)
            #expect(looks[0].dueIn == .microseconds(Int64(dueMs) * 1000 - serverUs))
        }
    }

    @Test func `a backlog is worked off by one consumer at a time`() async throws {
        try await withQueue { bench in
            _ = try await bench.store.enqueue(
                try (0..<600).map { try bench.job("\($0)", due: .after(.seconds(20))) }, on: bench.queue)
            try await bench.advance(by: .seconds(30))
            let first = try await bench.claim(1, for: bench.me)
            #expect(first.leavesMore && first.dueIn == .zero)
            let second = try await bench.claim(1, for: bench.other)
            #expect(second.leavesMore && second.dueIn == nil)
            try await bench.ageAlarm(by: 2)
            #expect(try await bench.store.promote(10, on: bench.queue, for: bench.other).dueIn == .zero)
        }
    }

    @Test func `a look tells of ready jobs, of due ones and of leases, queue by queue`() async throws {
        try await withQueue { bench in
            let (empty, paused) = (try QueueName("\(bench.queue)-empty"), try QueueName("\(bench.queue)-paused"))
            try await bench.enqueue("a", "b")
            _ = try await bench.claim(1)
            for queue in [paused] {
                _ = try await bench.store.enqueue([bench.job("p")], on: queue)
                _ = try await bench.store.pause(true, queue)
            }
            let looks = try await bench.store.look(at: [empty, bench.queue, paused], for: bench.me).looks
            #expect(looks[0] == Look(isReady: false, dueIn: nil, lapseIn: nil))
            #expect(looks[1].isReady && looks[1].dueIn == nil)
            #expect(try #require(looks[1].lapseIn) > .seconds(20))
            #expect(looks[2] == Look(isReady: false, dueIn: nil, lapseIn: nil))
            _ = try await bench.claim()
            try await bench.enqueue("due", due: .after(.seconds(20)))
            try await bench.advance(by: .seconds(25))
            #expect(try await bench.store.look(at: [bench.queue], for: bench.me).looks[0].isReady)
        }
    }

    @Test(arguments: [[], [""]]) func `a look of nobody is refused`(bad: [String]) async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", due: .after(.seconds(20)))
            try await bench.expectRefused(Scripts.look, bad)
        }
    }
}

extension Bench {
    /// As if those who were told of the due time had asked so many seconds earlier.
    fileprivate func ageAlarm(by seconds: Int) async throws {
        try await eval(
            """
            local alarm = redis.call('HGET', KEYS[1] .. 'meta', 'alarm')
            local aged = string.gsub(alarm, ' (%d%d%d%d%d%d%d%d%d%d)', function(s) return ' ' .. (s - tonumber(ARGV[1])) end)
            redis.call('HSET', KEYS[1] .. 'meta', 'alarm', aged)
            """, ["\(seconds)"])
    }
}
