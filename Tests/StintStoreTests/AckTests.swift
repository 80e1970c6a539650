import StintCore
import StintLua
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct AckTests {
    @Test func `an acked job is done: its record, lease, tries and cancel are gone, its id is remembered`() async throws
    {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.nack(try await bench.held()[0])
            let held = try await bench.held()
            _ = try await bench.store.cancel([held[0].id], on: bench.queue, reason: "late")
            let settlement = try await bench.store.ack(held, on: bench.queue, by: bench.me)
            #expect(settlement.accepted == 1 && settlement.refused.isEmpty)
            let dump = try await bench.dump()
            #expect(dump.states == ["a": .done])
            #expect(dump.records.isEmpty && dump.leases.isEmpty && dump.tries.isEmpty && dump.cancels.isEmpty)
            #expect(try await bench.inspector.stats(of: bench.queue).ackedTotal == 1)
            #expect(try await bench.enqueue("a") == [.exists(.done)])
        }
    }

    @Test func `jobs of a claim are acked one by one, in any order, and twice in one call`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d", "e", "f")
            let held = try await bench.held()
            let parts = [[4], [3, 0], [1, 1], [2, 5]]
            for part in parts {
                let settlement = try await bench.store.ack(part.map { held[$0] }, on: bench.queue, by: bench.me)
                #expect(settlement.accepted == Set(part).count && settlement.refused.isEmpty)
            }
            let dump = try await bench.dump()
            #expect(dump.leases.isEmpty && dump.states.values.allSatisfy { $0 == .done })
        }
    }

    @Test func `an ack tells apart what is held, gone and another's, whatever their deadlines are`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d", "e")
            let held = try await bench.held()
            _ = try await bench.store.extend([(held[0], .minutes(90))], on: bench.queue, by: bench.me)
            _ = try await bench.store.ack([held[1]], on: bench.queue, by: bench.me)
            _ = try await bench.store.release([held[2]], on: bench.queue, by: bench.me)
            _ = try await bench.claim(for: bench.other)
            let settlement = try await bench.store.ack(held, on: bench.queue, by: bench.me)
            #expect(settlement.accepted == 3)
            #expect(settlement.refused.map(\.id.rawValue) == ["b", "c"])
            #expect(settlement.refused.map(\.refusal) == [.gone, .stale])
            #expect(try await bench.dump().leases == ["c"])
        }
    }

    @Test func `a repeated ack is told that the lease is gone, and changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            _ = try await bench.store.ack(held, on: bench.queue, by: bench.me)
            let repeated = try await bench.expectNoWrites {
                try await bench.store.ack(held, on: bench.queue, by: bench.me)
            }
            #expect(repeated.accepted == 0)
            #expect(repeated.refused.map(\.refusal) == [.gone])
        }
    }

    @Test func `an ack with an old token is refused and changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let old = try await bench.held()
            _ = try await bench.store.release(old, on: bench.queue, by: bench.me)
            let new = try await bench.held()
            let late = try await bench.expectNoWrites { try await bench.store.ack(old, on: bench.queue, by: bench.me) }
            #expect(late.accepted == 0 && late.refused.map(\.refusal) == [.stale])
            #expect(try await bench.store.ack(new, on: bench.queue, by: bench.me).accepted == 1)
        }
    }

    @Test func `an ack with the right token from another consumer is refused and changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            let stolen = try await bench.expectNoWrites {
                try await bench.store.ack(held, on: bench.queue, by: bench.other)
            }
            #expect(stolen.accepted == 0 && stolen.refused.map(\.refusal) == [.stale])
        }
    }

    @Test func `an ack after the deadline is accepted while nobody has reaped the lease`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            try await bench.advance(by: .minutes(3600))
            #expect(try await bench.store.ack(held, on: bench.queue, by: bench.me).accepted == 1)
        }
    }

    @Test func `an ack after the reaper came is refused, whether the job runs again or not`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            try await bench.advance(by: .minutes(3600))
            _ = try await bench.store.reap(from: bench.queue)
            try await bench.expectNoWrites {
                let answer = try await bench.store.ack(held, on: bench.queue, by: bench.me).refused.map(\.refusal)
                #expect(answer == [.gone])
            }
            _ = try await bench.claim(for: bench.other)
            try await bench.expectNoWrites {
                let answer = try await bench.store.ack(held, on: bench.queue, by: bench.me).refused.map(\.refusal)
                #expect(answer == [.stale])
            }
        }
    }

    @Test func `in one call the good are acked, and each of the others is told why not`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d", "e")
            let first = try await bench.held(2)
            let second = try await bench.held(1)
            let theirs = try await bench.held(1, for: bench.other)
            _ = try await bench.store.ack([first[1]], on: bench.queue, by: bench.me)
            let unknown = Held(id: try JobID("unknown"), token: second[0].token)
            let settlement = try await bench.store.ack(
                first + [second[0], unknown] + theirs, on: bench.queue, by: bench.me)
            #expect(settlement.accepted == 2)
            #expect(settlement.refused.map(\.id.rawValue) == ["b", "unknown", "d"])
            #expect(settlement.refused.map(\.refusal) == [.gone, .gone, .stale])
            #expect(try await bench.ids(.done).sorted() == ["a", "b", "c"])
        }
    }

    @Test func `a job that stands twice in one call is acked once`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            #expect(try await bench.store.ack(held + held, on: bench.queue, by: bench.me).accepted == 1)
            #expect(try await bench.inspector.stats(of: bench.queue).ackedTotal == 1)
        }
    }

    @Test func `nothing to ack is no error`() async throws {
        try await withQueue { bench in
            let answer = try await bench.expectNoWrites { try await bench.store.ack([], on: bench.queue, by: bench.me) }
                .accepted
            #expect(answer == 0)
        }
    }

    @Test func `100,000 finished ids take the place of those before them`() async throws {
        try await withQueue { bench in
            // The bound is looked at once in a hundred acks.
            try await bench.redis("HSET", bench.key("meta"), "acked_total", "99")
            try await bench.redis("SADD", bench.key("done_before"), "old")
            try await bench.enqueue("a")
            let held = try await bench.held()
            try await bench.eval(
                "for i = 1, 100 do local a = {} for k = 1, 1000 do a[k] = i * 1000 + k end redis.call('SADD', KEYS[1] .. 'done', unpack(a)) end"
            )
            _ = try await bench.store.ack(held, on: bench.queue, by: bench.me)
            #expect(try await bench.inspector.stats(of: bench.queue).done == 100_001)
            #expect(try await bench.enqueue("a") == [.exists(.done)])
            #expect(try await bench.enqueue("1001") == [.exists(.done)])
            #expect(try await bench.enqueue("old") == [.accepted])
        }
    }

    @Test func `malformed groups are refused without any write, those before them too`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let token = try #require(try await bench.claim().token).description
            let tooMany: [[String]] = [1000, 1001].map { [token, "\($0)"] + (0..<$0).map(String.init) }
            let malformed: [[String]] = [
                [token], [token, "0"], [token, "x", "b"], [token, "-1", "b"], [token, "2", "b"], [token, "1.5", "b"],
                [token, "nan", "b"],
                [token, "inf", "b"],
            ]
            for bad in malformed + tooMany {
                try await bench.expectRefused(Scripts.ack, [bench.me.description, token, "1", "a"] + bad)
                try await bench.expectRefused(Scripts.release, [bench.me.description, "0", token, "1", "a"] + bad)
            }
        }
    }
}
