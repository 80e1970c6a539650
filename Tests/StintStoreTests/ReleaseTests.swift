import StintCore
import StintLua
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ReleaseTests {
    @Test func `released jobs go before all others of their priority, in their old order`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c", "d", "e")
            try await bench.enqueue("high", priority: 1)
            let held = try await bench.held(4)
            #expect(held.map(\.id.rawValue) == ["high", "a", "b", "c"])
            #expect(try await bench.store.release(held, on: bench.queue, by: bench.me).accepted == 4)
            try await bench.enqueue("f")
            #expect(try await bench.claimedIDs() == ["high", "a", "b", "c", "d", "e", "f"])
        }
    }

    @Test func `jobs of several claims come back in the order of their claims`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("d", "c", "b", "a", "e")
            let held = try await bench.held(2) + bench.held(2)
            #expect(try await bench.store.release(held, on: bench.queue, by: bench.me).accepted == 4)
            #expect(try await bench.claimedIDs() == ["d", "c", "b", "a", "e"])
        }
    }

    @Test func `a release into an empty queue goes before what comes later`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("z")
            let held = try await bench.held()
            _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
            try await bench.enqueue("a")
            #expect(try await bench.claimedIDs() == ["z", "a"])
        }
    }

    @Test func `a release is not counted as a try, and wakes a node`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for _ in 0..<5 {
                let held = try await bench.held()
                try await bench.redis("UNLINK", bench.key("wake"))
                _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
                #expect(try await bench.wakeMarks() == 1)
            }
            #expect(try await bench.claim().jobs.first?.tries.attempt == 1)
            #expect(try await bench.inspector.stats(of: bench.queue).releasedTotal == 5)
        }
    }

    @Test func `a release with a delay is not claimable before the delay`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.store.release(
                try await bench.held(), on: bench.queue, by: bench.me, delay: .minutes(60))
            #expect(try await bench.claimedIDs() == [])
            try await bench.advance(by: .minutes(60))
            #expect(try await bench.claim().jobs.map(\.tries.attempt) == [1])
        }
    }

    @Test(arguments: [Duration.zero, .minutes(60)]) func `a job that somebody wants cancelled is not handed back`(
        delay: Duration
    ) async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            _ = try await bench.store.cancel(held.map(\.id), on: bench.queue, reason: "late")
            #expect(try await bench.store.release(held, on: bench.queue, by: bench.me, delay: delay).accepted == 1)
            #expect(try await bench.state("a") == .cancelled)
        }
    }

    @Test func `what is gone or another's is refused and changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            let held = try await bench.held()
            _ = try await bench.store.ack([held[0]], on: bench.queue, by: bench.me)
            _ = try await bench.store.release([held[1]], on: bench.queue, by: bench.me)
            _ = try await bench.claim(1)
            try await bench.expectNoWrites {
                let settlement = try await bench.store.release([held[0], held[1]], on: bench.queue, by: bench.me)
                #expect(settlement.accepted == 0 && settlement.refused.map(\.refusal) == [.gone, .stale])
                let stolen = try await bench.store.release([held[2]], on: bench.queue, by: bench.other)
                #expect(stolen.accepted == 0 && stolen.refused.map(\.refusal) == [.stale])
            }
        }
    }

    @Test(arguments: [false, true]) func `a job that stands twice in one call is handed back once`(isCancelled: Bool)
        async throws
    {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let held = try await bench.held()
            if isCancelled { _ = try await bench.store.cancel(held.map(\.id), on: bench.queue, reason: "late") }
            #expect(try await bench.store.release(held + held, on: bench.queue, by: bench.me).accepted == 1)
            #expect(try await bench.dump().states == ["a": isCancelled ? .cancelled : .ready])
        }
    }

    @Test func `a delay that is none is refused without any write`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            let token = try #require(try await bench.claim().token).description
            for delay in ["", "x", "-1", "nan"] {
                try await bench.expectRefused(Scripts.release, [bench.me.description, delay, token, "1", "a"])
            }
        }
    }
}
