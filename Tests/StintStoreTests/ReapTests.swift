import StintCore
import StintLua
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ReapTests {
    @Test func `only leases past their deadline are reaped`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            _ = try await bench.claim(1, lease: .minutes(30))
            _ = try await bench.claim(1, lease: .minutes(90))
            let early = try await bench.expectNoWrites { try await bench.store.reap(from: bench.queue) }
            #expect(early.lapses.isEmpty && early.lapseIn! > .minutes(20) && early.lapseIn! <= .minutes(30))
            try await bench.advance(by: .minutes(30))
            let late = try await bench.store.reap(from: bench.queue)
            #expect(late.lapses.map(\.id.rawValue) == ["a"])
            #expect(late.lapseIn! > .minutes(50) && late.lapseIn! <= .minutes(60))
            #expect(try await bench.dump().states == ["a": .ready, "b": .leased])
        }
    }

    @Test func `a lapse tells who held the job, and counts`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held(for: bench.other)
            try await bench.advance(by: .minutes(60))
            try await bench.redis("UNLINK", bench.key("wake"))
            let lapse = try #require(try await bench.store.reap(from: bench.queue).lapses.first)
            #expect(
                lapse.token == held[0].token && lapse.consumer == bench.other && lapse.outcome == .ready
                    && lapse.lapses == 1)
            #expect(try await bench.wakeMarks() == 1)
            let tries = try #require(try await bench.claim().jobs.first?.tries)
            #expect(tries.lapses == 1 && tries.failures == 0 && tries.attempt == 2)
            #expect(tries.reason == "lapsed: held by \(bench.other)")
            #expect(try await bench.inspector.stats(of: bench.queue).lapsedTotal == 1)
        }
    }

    @Test func `lapsed jobs go before all others of their priority, in order`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d")
            try await bench.enqueue("high", priority: 1)
            _ = try await bench.claim(4)
            try await bench.advance(by: .minutes(60))
            try await bench.enqueue("e")
            #expect(try await bench.store.reap(from: bench.queue).lapses.count == 4)
            #expect(try await bench.claimedIDs() == ["high", "a", "b", "c", "d", "e"])
        }
    }

    @Test func `the lapse that reaches the limit buries the job as poison`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for lapses in 1...3 {
                #expect(try await bench.claimedIDs() == ["a"])
                try await bench.advance(by: .minutes(60))
                let lapse = try #require(try await bench.store.reap(from: bench.queue, maxLapses: 3).lapses.first)
                #expect(lapse.lapses == lapses)
                #expect(lapse.outcome == (lapses == 3 ? .dead : .ready))
            }
            let detail = try #require(try await bench.detail("a"))
            #expect(
                detail.state == .dead
                    && detail.tries.reason == "poison: its lease ran out 3 times, last held by \(bench.me)")
            #expect(try await bench.inspector.stats(of: bench.queue).deadTotal == 1)
        }
    }

    @Test(arguments: [1, 5]) func `a job's own limit goes before the node's`(own: Int) async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", maxLapses: own)
            for lapses in 1...own {
                _ = try await bench.claim()
                try await bench.advance(by: .minutes(60))
                let outcome = try await bench.store.reap(from: bench.queue, maxLapses: 3).lapses.first?.outcome
                #expect(outcome == (lapses == own ? .dead : .ready))
            }
        }
    }

    @Test func `a job that somebody wants cancelled is not run again`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.claim()
            _ = try await bench.store.cancel([JobID("a")], on: bench.queue, reason: "late")
            try await bench.advance(by: .minutes(60))
            #expect(try await bench.store.reap(from: bench.queue).lapses.map(\.outcome) == [.cancelled])
            #expect(try await bench.state("a") == .cancelled)
        }
    }

    @Test func `a leased id without a record is quarantined with a reason`() async throws {
        try await withQueue(missingRecords: ["a"]) { bench in
            try await bench.enqueue("a", "b")
            _ = try await bench.claim()
            try await bench.redis("HDEL", bench.key("jobs"), "a")
            try await bench.advance(by: .minutes(60))
            let lapses = try await bench.store.reap(from: bench.queue).lapses
            #expect(
                Dictionary(uniqueKeysWithValues: lapses.map { ($0.id.rawValue, $0.outcome) }) == [
                    "a": .dead, "b": .ready,
                ])
            #expect(try await bench.detail("a")?.tries.reason == "quarantined: the record is missing")
        }
    }

    @Test func `an id without a lease is reaped all the same`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.claim()
            try await bench.forgetHolder(of: "a")
            try await bench.advance(by: .minutes(60))
            let lapse = try #require(try await bench.store.reap(from: bench.queue).lapses.first)
            #expect(lapse.token == nil && lapse.consumer == nil && lapse.outcome == .ready)
        }
    }

    @Test func `priorities that take turns keep the order of their due times, each in its own band`() async throws {
        try await withQueue { bench in
            for (index, id) in ["a", "b", "c", "d", "e", "f"].enumerated() {
                try await bench.enqueue(id, priority: index % 2 == 0 ? 0 : 5, due: .after(.seconds(20 - index)))
            }
            try await bench.advance(by: .seconds(30))
            #expect(try await bench.store.promote(on: bench.queue, for: bench.me).promoted == 6)
            #expect(try await bench.ids(.ready) == ["f", "d", "b", "e", "c", "a"])
        }
    }

    @Test func `large records are read in steps, and the rest is left for the next call`() async throws {
        try await withQueue { bench in
            let payload = String(repeating: "x", count: 100_000)
            for start in [0, 100] {
                _ = try await bench.store.enqueue(
                    (start..<start + 100).map { try bench.job("\($0)", due: .after(.seconds(20)), payload: payload) },
                    on: bench.queue)
            }
            try await bench.advance(by: .seconds(30))
            let first = try await bench.store.promote(on: bench.queue, for: bench.me)
            #expect(first.promoted == 100 && first.dueIn == .zero)
            #expect(try await bench.store.promote(on: bench.queue, for: bench.me).promoted == 100)
        }
    }

    @Test func `the limit is kept, and that more have lapsed is told`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            _ = try await bench.claim()
            try await bench.advance(by: .minutes(60))
            let first = try await bench.store.reap(2, from: bench.queue)
            #expect(Set(first.lapses.map(\.id.rawValue)) == ["a", "b"] && first.lapseIn == .zero)
            let second = try await bench.store.reap(2, from: bench.queue)
            #expect(second.lapses.count == 1 && second.lapseIn == nil)
        }
    }

    @Test func `malformed arguments are refused without any write`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.claim()
            try await bench.advance(by: .minutes(60))
            for bad in [[], ["1"], ["0", "3"], ["x", "3"], ["1", "x"], ["-1", "3"]] {
                try await bench.expectRefused(Scripts.reap, bad)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct PromoteTests {
    @Test func `due jobs become ready, the others stay, and a node is woken`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("b", due: .after(.minutes(20)))
            try await bench.enqueue("a", due: .after(.minutes(10)))
            try await bench.enqueue("c", due: .after(.minutes(60)))
            try await bench.advance(by: .minutes(30))
            try await bench.redis("UNLINK", bench.key("wake"))
            let answer = try await bench.store.promote(on: bench.queue, for: bench.me)
            #expect(answer.promoted == 2)
            #expect(answer.dueIn! > .minutes(20) && answer.dueIn! <= .minutes(30))
            #expect(try await bench.ids(.ready) == ["a", "b"])
            #expect(try await bench.wakeMarks() == 1)
        }
    }

    @Test func `nothing due changes nothing, once somebody was told of the next due time`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", due: .after(.minutes(20)))
            _ = try await bench.store.promote(on: bench.queue, for: bench.me)
            let answer = try await bench.expectNoWrites {
                try await bench.store.promote(on: bench.queue, for: bench.me)
            }
            #expect(answer.promoted == 0)
        }
    }

    @Test func `priorities that take turns keep the order of their due times, each in its own band`() async throws {
        try await withQueue { bench in
            for (index, id) in ["a", "b", "c", "d", "e", "f"].enumerated() {
                try await bench.enqueue(
                    id, priority: index % 2 == 0 ? 0 : 5, due: .after(.minutes(20) - .seconds(index)))
            }
            try await bench.advance(by: .minutes(30))
            #expect(try await bench.store.promote(on: bench.queue, for: bench.me).promoted == 6)
            #expect(try await bench.ids(.ready) == ["f", "d", "b", "e", "c", "a"])
        }
    }

    @Test func `large records are read in steps, and the rest is left for the next call`() async throws {
        try await withQueue { bench in
            let payload = String(repeating: "x", count: 100_000)
            for start in [0, 100] {
                _ = try await bench.store.enqueue(
                    (start..<start + 100).map { try bench.job("\($0)", due: .after(.minutes(20)), payload: payload) },
                    on: bench.queue)
            }
            try await bench.advance(by: .minutes(30))
            let first = try await bench.store.promote(on: bench.queue, for: bench.me)
            #expect(first.promoted == 100 && first.dueIn == .zero)
            #expect(try await bench.store.promote(on: bench.queue, for: bench.me).promoted == 100)
        }
    }

    @Test func `the limit is kept, and that more are due is told`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", due: .after(.minutes(20)))
            try await bench.advance(by: .minutes(30))
            let first = try await bench.store.promote(2, on: bench.queue, for: bench.me)
            #expect(first.promoted == 2 && first.dueIn == .zero)
            let second = try await bench.store.promote(2, on: bench.queue, for: bench.me)
            #expect(second.promoted == 1 && second.dueIn == nil)
        }
    }

    @Test(arguments: [[], ["0", "me"], ["-1", "me"], ["x", "me"], ["nan", "me"], ["1"], ["1", ""]])
    func `a limit or a consumer that is none is refused without any write`(
        bad: [String]
    ) async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", due: .after(.minutes(20)))
            try await bench.advance(by: .minutes(30))
            try await bench.expectRefused(Scripts.promote, bad)
        }
    }
}
