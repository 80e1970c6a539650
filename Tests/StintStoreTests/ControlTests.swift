import StintCore
import StintLua
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct CancelTests {
    private func cancel(_ ids: String..., on bench: Bench, reason: String = "late") async throws -> [CancelOutcome] {
        try await bench.store.cancel(ids.map { try JobID($0) }, on: bench.queue, reason: reason).outcomes
    }

    @Test(arguments: [JobState.ready, .scheduled, .dead])
    func `a job that is not running is cancelled, with the reason`(state: JobState) async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: state)
            #expect(try await cancel("a", on: bench) == [.cancelled])
            let detail = try #require(try await bench.detail("a"))
            #expect(detail.state == .cancelled && detail.tries.reason == "cancelled: late")
            #expect(detail.tries.failures == (state == .dead ? 1 : 0))
            try await bench.advance(by: .minutes(7200))
            #expect(try await bench.claimedIDs() == [])
            #expect(try await bench.inspector.stats(of: bench.queue).cancelledTotal == 1)
        }
    }

    @Test func `a running job is asked to stop, and keeps its lease`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .leased)
            #expect(try await cancel("a", on: bench) == [.requested])
            let detail = try #require(try await bench.detail("a"))
            #expect(detail.state == .leased && detail.cancelReason == "late")
        }
    }

    @Test func `a job that is finished, cancelled or unknown changes nothing`() async throws {
        try await withQueue { bench in
            try await bench.bring("done", to: .done)
            try await bench.bring("cancelled", to: .cancelled)
            try await bench.expectNoWrites {
                let answer = try await cancel("done", "cancelled", "unknown", on: bench)
                #expect(answer == [.done, .cancelled, .unknown])
            }
        }
    }

    @Test func `1,000 bytes of the reason are kept`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .leased)
            _ = try await cancel("a", on: bench, reason: String(repeating: "x", count: 5000))
            #expect(try await bench.detail("a")?.cancelReason?.count == 1000)
        }
    }

    @Test func `no id, or more than 1,000, are refused without any write`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("0")
            try await bench.expectRefused(Scripts.cancel, [])
            try await bench.expectRefused(Scripts.cancel, ["reason"])
            try await bench.expectRefused(Scripts.cancel, ["reason"] + (0..<1001).map(String.init))
            #expect(try await bench.store.cancel([], on: bench.queue, reason: "").outcomes == [])
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct RedriveTests {
    @Test(arguments: [JobState.dead, .cancelled]) func `a job comes back ready, with all its tries before it`(
        state: JobState
    ) async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: state)
            try await bench.enqueue("high", priority: 1)
            try await bench.redis("UNLINK", bench.key("wake"))
            #expect(try await bench.store.redrive([JobID("a")], on: bench.queue) == [.ready])
            #expect(try await bench.wakeMarks() == 1)
            let claim = try await bench.claim()
            #expect(claim.ids == ["high", "a"] && claim.jobs[1].tries == .none)
            #expect(try await bench.inspector.stats(of: bench.queue).redrivenTotal == 1)
        }
    }

    @Test func `a redriven job keeps its priority and goes behind those that wait`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", priority: 7)
            _ = try await bench.nack(try await bench.held()[0], .reject)
            try await bench.enqueue("b", priority: 7)
            try await bench.enqueue("c", priority: 6)
            _ = try await bench.store.redrive([JobID("a")], on: bench.queue)
            #expect(try await bench.claimedIDs() == ["b", "a", "c"])
        }
    }

    @Test func `a job in any other state is left as it is`() async throws {
        try await withQueue { bench in
            for state in [JobState.done, .leased, .scheduled, .ready] {
                try await bench.bring(state.rawValue, to: state)
            }
            let ids = try ["ready", "scheduled", "leased", "done", "unknown"].map { try JobID($0) }
            try await bench.expectNoWrites {
                let answer = try await bench.store.redrive(ids, on: bench.queue)
                #expect(answer == [.ready, .scheduled, .leased, .done, .unknown])
            }
        }
    }

    @Test func `a dead id without a record is forgotten: there is nothing to run`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .dead)
            try await bench.redis("HDEL", bench.key("jobs"), "a")
            let answer = try await bench.store.redrive([JobID("a")], on: bench.queue)
            #expect(answer == [.empty])
            #expect(try await bench.score("dead", "a") == nil)
            let again = try await bench.store.redrive([JobID("a")], on: bench.queue)
            #expect(again == [.unknown])
        }
    }

    @Test func `no id, or more than 1,000, are refused without any write`() async throws {
        try await withQueue { bench in
            try await bench.bring("0", to: .dead)
            try await bench.expectRefused(Scripts.redrive, [])
            try await bench.expectRefused(Scripts.redrive, (0..<1001).map(String.init))
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct PurgeTests {
    @Test(arguments: [JobState.ready, .scheduled, .dead, .done, .cancelled])
    func `a purge deletes the jobs of one state and no others`(state: JobState) async throws {
        try await withQueue { bench in
            for other in JobState.allCases where other != .ready { try await bench.bring(other.rawValue, to: other) }
            try await bench.bring("ready", to: .ready)
            for id in ["one", "two"] { try await bench.bring(id, to: .scheduled) }
            let before = try await bench.dump().states
            #expect(try await bench.store.purge(1000, state, on: bench.queue) == (state == .scheduled ? 3 : 1))
            #expect(try await bench.dump().states == before.filter { $0.value != state })
            #expect(try await bench.store.purge(1000, state, on: bench.queue) == 0)
        }
    }

    @Test func `a purge goes in steps of its limit`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            #expect(try await bench.store.purge(2, .ready, on: bench.queue) == 2)
            #expect(try await bench.ids(.ready) == ["c"])
            #expect(try await bench.store.purge(2, .ready, on: bench.queue) == 1)
        }
    }

    @Test func `leased jobs cannot be purged, nor can keys that are no state`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .leased)
            for bad in [
                ["leased", "10"], ["jobs", "10"], ["", "10"], ["ready"], ["ready", "0"], ["ready", "x"], [],
            ] {
                try await bench.expectRefused(Scripts.purge, bad)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct PauseTests {
    @Test func `a pause stops claims alone`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a", "b", "c")
            let held = try await bench.held()
            #expect(try await bench.store.pause(true, bench.queue))
            #expect(try await bench.inspector.stats(of: bench.queue).isPaused)
            #expect(try await bench.enqueue("d") == [.accepted])
            #expect(try await bench.store.ack([held[0]], on: bench.queue, by: bench.me).accepted == 1)
            #expect(try await bench.nack(held[1]) == .retried)
            try await bench.advance(by: .minutes(60))
            #expect(try await bench.store.reap(from: bench.queue).lapses.count == 1)
            #expect(try await bench.claim().isPaused)
        }
    }

    @Test func `a resume wakes a node, and saying the same twice changes nothing`() async throws {
        try await withQueue { bench in
            #expect(try await bench.store.pause(true, bench.queue))
            try await bench.expectNoWrites {
                let answer = try await bench.store.pause(true, bench.queue)
                #expect(answer == false)
            }
            #expect(try await bench.store.pause(false, bench.queue))
            #expect(try await bench.wakeMarks() == 1)
            try await bench.expectNoWrites {
                let answer = try await bench.store.pause(false, bench.queue)
                #expect(answer == false)
            }
            #expect(try await bench.inspector.stats(of: bench.queue).isPaused == false)
        }
    }
}
