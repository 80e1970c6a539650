import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ExtendTests {
    private func extend(_ held: [Held], _ bench: Bench, by consumer: ConsumerID? = nil) async throws -> Extension {
        try await bench.store.extend(held.map { ($0, .minutes(100)) }, on: bench.queue, by: consumer ?? bench.me)
    }

    @Test func `an extension moves the deadline to the lease from now`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let held = try await bench.held(lease: .minutes(10))
            let beforeMs = Double(try await bench.store.serverMs())
            #expect(try await extend([held[0]], bench).refused.isEmpty)
            let afterMs = Double(try await bench.store.serverMs())
            let deadline = try #require(try await bench.deadlineMs("a"))
            #expect(deadline >= beforeMs + 6_000_000 && deadline <= afterMs + 6_000_000)
            #expect(try #require(try await bench.deadlineMs("b")) < beforeMs + 600_001)
            try await bench.advance(by: .minutes(50))
            #expect(try await bench.store.reap(from: bench.queue).lapses.map(\.id.rawValue) == ["b"])
        }
    }

    @Test func `each job may have its own lease, also under the same token`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            let held = try await bench.held()
            let answer = try await bench.store.extend(
                [(held[0], .minutes(10)), (held[1], .minutes(200)), (held[2], .minutes(10))], on: bench.queue,
                by: bench.me)
            #expect(answer.refused.isEmpty)
            let a = try #require(try await bench.deadlineMs("a"))
            let b = try #require(try await bench.deadlineMs("b"))
            #expect(b - a == 11_400_000)
            #expect(try await bench.deadlineMs("c") == a)
        }
    }

    @Test func `a thousand leases of one job each are extended by a bounded number of commands`() async throws {
        try await withOwnServer { bench in
            _ = try await bench.store.enqueue(try (0..<1000).map { try bench.job("j\($0)") }, on: bench.queue)
            var held: [Held] = []
            for _ in 0..<1000 { held += try await bench.held(1) }
            let before = try await commands(bench)
            #expect(try await extend(held, bench).refused.isEmpty)
            #expect(try await commands(bench) - before < 10_000)
            let settlement = try await bench.store.ack(held, on: bench.queue, by: bench.me)
            #expect(settlement.accepted == 1000)
            #expect(try await bench.dump().leases.isEmpty)
        }
    }

    /// How many commands the server has run, those of scripts too.
    private func commands(_ bench: Bench) async throws -> Int {
        let text = try await bench.redis("INFO", "commandstats").string ?? ""
        return text.matches(of: /calls=(\d+)/).compactMap { Int($0.output.1) }.reduce(0, +)
    }

    @Test func `a job that is extended twice in one call leaves nothing behind`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let held = try await bench.held()
            let answer = try await bench.store.extend(
                [(held[0], .minutes(10)), (held[1], .minutes(10)), (held[0], .minutes(20)), (held[1], .minutes(20))],
                on: bench.queue, by: bench.me)
            #expect(answer.refused.isEmpty)
            #expect(try await bench.store.ack(held, on: bench.queue, by: bench.me).accepted == 2)
            #expect(try await bench.redis("HLEN", bench.key("leases")).integer == 0)
        }
    }

    @Test func `a lease that is past its deadline and not reaped can be extended`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            try await bench.advance(by: .minutes(60))
            #expect(try await extend(held, bench).refused.isEmpty)
            #expect(try await bench.store.reap(from: bench.queue).lapses.isEmpty)
        }
    }

    @Test func `what is gone or another's is refused, not brought back, and changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            let held = try await bench.held()
            _ = try await bench.store.ack([held[0]], on: bench.queue, by: bench.me)
            _ = try await bench.store.release([held[1]], on: bench.queue, by: bench.me)
            _ = try await bench.claim(1)
            try await bench.expectNoWrites {
                let answer = try await extend([held[0], held[1]], bench)
                #expect(answer.refused.map(\.id.rawValue) == ["a", "b"])
                #expect(answer.refused.map(\.refusal) == [.gone, .stale])
                #expect(try await extend([held[2]], bench, by: bench.other).refused.map(\.refusal) == [.stale])
            }
        }
    }

    @Test func `in one call the good are extended and the others refused`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let held = try await bench.held(lease: .minutes(1))
            _ = try await bench.store.ack([held[0]], on: bench.queue, by: bench.me)
            #expect(try await extend(held, bench).refused.map(\.id.rawValue) == ["a"])
            try await bench.advance(by: .minutes(50))
            #expect(try await bench.store.reap(from: bench.queue).lapses.isEmpty)
        }
    }

    @Test func `the cancels of the extended jobs are told with their reasons, every time`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let mine = try await bench.held(1)
            let theirs = try await bench.held(1, for: bench.other)
            _ = try await bench.store.cancel((mine + theirs).map(\.id), on: bench.queue, reason: "too late")
            for _ in 1...2 {
                let answer = try await extend(mine, bench)
                #expect(answer.cancels.map(\.id.rawValue) == ["a"])
                #expect(answer.cancels.map(\.reason) == ["too late"])
            }
            #expect(try await extend(theirs, bench).cancels.isEmpty)
        }
    }

    @Test func `malformed arguments are refused without any write, the good groups before them too`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let token = try #require(try await bench.claim().token).description
            let tooMany: [String] = [token, "1000", "1000"] + (0..<1000).map(String.init)
            let malformed: [[String]] = [
                [token], [token, "1000"], [token, "1000", "0"], [token, "1000", "2", "b"], [token, "0", "1", "b"],
                [token, "-1", "1", "b"],
                [token, "x", "1", "b"], [token, "nan", "1", "b"], [token, "1000", "nan", "b"],
            ]
            for bad in malformed + [tooMany] {
                try await bench.expectRefused(Scripts.extend, [bench.me.description, token, "9999999", "1", "a"] + bad)
            }
        }
    }
}
