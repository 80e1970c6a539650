import StintCore
import StintLua
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct NackTests {
    @Test func `a nack with delay is not claimable before the delay`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            #expect(try await bench.nack(try await bench.held()[0], delay: .minutes(60)) == .retried)
            #expect(try await bench.state("a") == .scheduled)
            try await bench.advance(by: .minutes(50))
            #expect(try await bench.claimedIDs() == [])
            try await bench.advance(by: .minutes(10))
            #expect(try await bench.claimedIDs() == ["a"])
        }
    }

    @Test func `a nack without delay goes behind the ready ones of its priority`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", priority: 2)
            try await bench.enqueue("low")
            let held = try await bench.held(1)
            try await bench.redis("UNLINK", bench.key("wake"))
            #expect(try await bench.nack(held[0]) == .retried)
            #expect(try await bench.wakeMarks() == 1)
            #expect(try await bench.claimedIDs() == ["b", "a", "low"])
        }
    }

    @Test func `failures are counted, and the one that reaches the limit buries the job`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for failures in 1...3 {
                let held = try await bench.held()
                let outcome = try await bench.nack(held[0], maxFailures: 3, reason: "failure \(failures)")
                #expect(outcome == (failures == 3 ? .dead : .retried))
                #expect(try await bench.detail("a")?.tries.failures == failures)
            }
            let detail = try #require(try await bench.detail("a"))
            #expect(detail.state == .dead && detail.tries.reason == "failure 3" && detail.payload != nil)
            #expect(try await bench.claimedIDs() == [])
            let stats = try await bench.inspector.stats(of: bench.queue)
            #expect(stats.nackedTotal == 3 && stats.deadTotal == 1)
        }
    }

    @Test func `a rejected job is dead at once, whatever is left of its tries`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            #expect(
                try await bench.nack(try await bench.held()[0], .reject, maxFailures: 1000, reason: "bad address")
                    == .dead)
            #expect(try await bench.detail("a")?.tries.reason == "bad address")
        }
    }

    @Test func `a handler that stopped for a cancel ends its job as cancelled, and has not failed`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            #expect(
                try await bench.nack(try await bench.held()[0], .cancel, maxFailures: 1, reason: "cancelled: late")
                    == .cancelled)
            let detail = try #require(try await bench.detail("a"))
            #expect(
                detail.state == .cancelled && detail.tries.failures == 0 && detail.tries.reason == "cancelled: late")
        }
    }

    @Test(arguments: [Nack.Verdict.retry, .reject]) func `a job that somebody wants cancelled is not tried again`(
        verdict: Nack.Verdict
    ) async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            _ = try await bench.store.cancel([held[0].id], on: bench.queue, reason: "late")
            #expect(try await bench.nack(held[0], verdict) == .cancelled)
            #expect(try await bench.state("a") == .cancelled)
            #expect(try await bench.inspector.stats(of: bench.queue).cancelledTotal == 1)
        }
    }

    @Test func `a nack of a lease that is gone or another's changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            let held = try await bench.held()
            _ = try await bench.store.ack([held[0]], on: bench.queue, by: bench.me)
            _ = try await bench.store.release([held[1]], on: bench.queue, by: bench.me)
            _ = try await bench.claim(1)
            try await bench.expectNoWrites {
                let gone = try await bench.nack(held[0])
                let stale = try await bench.nack(held[1], .reject)
                let stolen = try await bench.nack(held[2], by: bench.other)
                let unknown = try await bench.nack(Held(id: JobID("x"), token: held[2].token))
                #expect([gone, stale, stolen, unknown] == [.gone, .stale, .stale, .gone].map { .refused($0) })
            }
        }
    }

    @Test func `each job of a call has its own verdict, and a second nack of the same job is gone`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d")
            let held = try await bench.held()
            let outcomes = try await bench.store.nack(
                [
                    Nack(held[0], .retry, maxFailures: 5, reason: ""),
                    Nack(held[1], .reject, maxFailures: 5, reason: ""),
                    Nack(held[0], .reject, maxFailures: 5, reason: ""),
                    Nack(held[2], .cancel, maxFailures: 5, reason: ""),
                    Nack(held[3], .retry, maxFailures: 1, reason: ""),
                ], on: bench.queue, by: bench.me)
            #expect(outcomes == [.retried, .dead, .refused(.gone), .cancelled, .dead])
        }
    }

    @Test func `1,000 bytes of the reason are kept, whatever they are`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b")
            let held = try await bench.held()
            _ = try await bench.nack(held[0], reason: String(repeating: "x", count: 5000))
            _ = try await bench.nack(held[1], reason: "%d 1 2\r\n\0 \u{1B}é")
            #expect(try await bench.detail("a")?.tries.reason == String(repeating: "x", count: 1000))
            let tries = try #require(try await bench.detail("b")?.tries)
            #expect(tries.reason == "%d 1 2\r\n\0 \u{1B}é" && tries.failures == 1)
        }
    }

    @Test func `a delay without end is kept, and stops nobody`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            #expect(try await bench.nack(try await bench.held()[0], delay: .seconds(Int64.max)) == .retried)
            #expect(try await bench.state("a") == .scheduled)
            #expect(try #require(try await bench.claim().dueIn) > .seconds(1_000_000_000_000))
        }
    }

    @Test func `nothing to nack is no error`() async throws {
        try await withQueue { bench in
            let answer = try await bench.expectNoWrites {
                try await bench.store.nack([], on: bench.queue, by: bench.me)
            }
            #expect(answer == [])
        }
    }

    @Test func `malformed arguments are refused without any write, the good jobs before them too`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let token = try #require(try await bench.claim().token).description
            let me = bench.me.description
            let good = ["a", token, "retry", "0", "5", ""]
            try await bench.expectRefused(Scripts.nack, [me])
            for bad in [
                ["b"], ["b", token, "retry", "0", "5"], ["b", token, "retry", "x", "5", ""],
                ["b", token, "retry", "nan", "5", ""],
                ["b", token, "retry", "0", "x", ""], ["b", token, "retry", "", "", ""],
            ] {
                try await bench.expectRefused(Scripts.nack, [me] + good + bad)
            }
            try await bench.expectRefused(Scripts.nack, [me] + Array(repeating: good, count: 1001).flatMap { $0 })
        }
    }
}
