import NIOCore
import StintCore
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SettleConformanceTests {
    @Test(arguments: Kind.allCases)
    func `an ack leaves the id and nothing else`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        #expect(try await stage.ack(try await stage.held()).accepted == 1)
        let detail = try await stage.detail("a")
        #expect(detail.state == .done && detail.header == nil && detail.payload == nil && detail.whenMs == nil)
        #expect(try await stage.ids(.done) == ["a"])
        #expect(try await stage.stats().ackedTotal == 1)
    }

    @Test(arguments: Kind.allCases)
    func `a lease past its deadline is its holder's until it is reaped`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b")
        let held = try await stage.held(lease: .milliseconds(10))
        stage.at(ms: 20)
        #expect(try await stage.ack([held[0]]).accepted == 1)
        #expect(try await stage.reap().lapses.map(\.id.rawValue) == ["b"])
        #expect(try await stage.ack([held[1]]).told == ["b gone"])
    }

    @Test(arguments: Kind.allCases)
    func `who does not hold a job settles nothing`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("stale", "gone", "other", "mine")
        let old = try await stage.held(2)
        _ = try await stage.release(old)
        _ = try await stage.held(1)
        let others = try await stage.held(2, for: stage.other).filter { $0.id.rawValue == "other" }
        let mine = try await stage.held()
        #expect(mine.map(\.id.rawValue) == ["mine"])
        _ = try await stage.ack([Held(id: JobID(unchecked: "gone"), token: old[0].token)])
        // "gone" is claimed by the other consumer by now, "stale" under a new token of mine.
        let unknown = Held(id: JobID(unchecked: "unknown"), token: Token(rawValue: 1))
        let wrong = old + others + [unknown]
        let expected: Set = ["stale stale", "gone stale", "other stale", "unknown gone"]
        #expect(Set(try await stage.ack(wrong).told) == expected)
        #expect(Set(try await stage.release(wrong).told) == expected)
        #expect(Set(try await stage.extend(wrong).told) == expected)
        for held in wrong {
            let outcome = try await stage.nack(held)
            #expect(outcome == .refused(held.id.rawValue == "unknown" ? .gone : .stale))
        }
        #expect(try await stage.stats().leased == 4)
        #expect(try await stage.stats().nackedTotal == 0)
        #expect(try await stage.ack(mine + wrong).accepted == 1)
    }

    @Test(arguments: Kind.allCases)
    func `a repeated settle finds the lease gone`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        let held = try await stage.held()
        for _ in 0..<2 {
            let acked = try await stage.ack([held[0]])
            let released = try await stage.release([held[1]], delay: .seconds(1))
            #expect(acked.accepted == released.accepted)
            _ = try await stage.nack(held[2], .reject)
        }
        #expect(try await stage.ack([held[0]]).told == ["a gone"])
        #expect(try await stage.release([held[1]]).told == ["b gone"])
        #expect(try await stage.nack(held[2]) == .refused(.gone))
    }

    @Test(arguments: Kind.allCases)
    func `a retry without delay goes to the end of its priority, one with a delay is scheduled`(kind: Kind) async throws
    {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c")
        let held = try await stage.held(2)
        #expect(try await stage.nack(held[0], reason: "first") == .retried)
        #expect(try await stage.nack(held[1], delay: .milliseconds(25)) == .retried)
        #expect(try await stage.ids(.ready) == ["c", "a"])
        #expect(try await stage.detail("b").whenMs == Stage.startUs / 1000 + 25)
        let tries = try await stage.detail("a").tries
        #expect(tries == Tries(failures: 1, lapses: 0, lastMs: Stage.startUs / 1000, reason: "first"))
        #expect(try await stage.claim().jobs.first { $0.id.rawValue == "a" }?.tries == tries)
        #expect(try await stage.nack(try await stage.held().first ?? held[0], delay: .seconds(-1)) != .dead)
    }

    @Test(arguments: Kind.allCases)
    func `the last failure buries a job, and a reject does at once`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("spent", "rejected")
        let held = try await stage.held()
        #expect(try await stage.nack(held[1], .reject, reason: "no") == .dead)
        #expect(try await stage.nack(held[0], maxFailures: 2) == .retried)
        stage.at(ms: 3)
        #expect(try await stage.nack(try await stage.held()[0], maxFailures: 2, reason: "again") == .dead)
        let dead = try await stage.detail("spent")
        #expect(dead.state == .dead && dead.whenMs == Stage.startUs / 1000 + 3)
        #expect(dead.tries.failures == 2 && dead.tries.reason == "again")
        #expect(try await stage.ids(.dead) == ["rejected", "spent"])
        #expect(try await stage.stats().deadTotal == 2)
    }

    @Test(arguments: Kind.allCases)
    func `a nack after a cancel counts no failure`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        #expect(try await stage.nack(try await stage.held()[0], .cancel, reason: "cancelled: why") == .cancelled)
        let detail = try await stage.detail("a")
        #expect(detail.state == .cancelled && detail.tries.failures == 0 && detail.tries.reason == "cancelled: why")
        #expect(try await stage.stats().nackedTotal == 0)
    }

    @Test(arguments: Kind.allCases)
    func `a thousand bytes of a reason are kept`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        _ = try await stage.nack(try await stage.held()[0], reason: String(repeating: "x", count: 1001))
        #expect(try await stage.detail("a").tries.reason == String(repeating: "x", count: 1000))
    }

    @Test(arguments: Kind.allCases)
    func `released jobs stand before the others in the order of the call, and were never claimed`(kind: Kind)
        async throws
    {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b", "c", "d")
        let held = try await stage.held(3)
        #expect(try await stage.release([held[1], held[0]]).accepted == 2)
        #expect(try await stage.release([held[2]], delay: .milliseconds(9)).accepted == 1)
        #expect(try await stage.ids(.ready) == ["b", "a", "d"])
        #expect(try await stage.detail("c").whenMs == Stage.startUs / 1000 + 9)
        #expect(try await stage.detail("a").tries == .none)
        #expect(try await stage.stats().releasedTotal == 3)
    }

    @Test(arguments: Kind.allCases)
    func `an extension moves the deadline and tells of cancels`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a", "b")
        let held = try await stage.held()
        stage.at(ms: 5000)
        #expect(try await stage.cancel("b", reason: "not wanted") == [.requested])
        let extended = try await stage.extend(held, lease: .seconds(20))
        #expect(extended.refused.isEmpty)
        #expect(extended.cancels.map { "\($0.id) \($0.reason)" } == ["b not wanted"])
        #expect(try await stage.detail("a").whenMs == Stage.startUs / 1000 + 25_000)
        #expect(try await stage.detail("b").cancelReason == "not wanted")
    }

    @Test(arguments: Kind.allCases, [1, 999, 1000])
    func `settles take up to a thousand jobs`(kind: Kind, count: Int) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue((0..<count).map { stage.job("\(10_000 + $0)") })
        var held = try await stage.held()
        #expect(try await stage.extend(held).refused.isEmpty)
        #expect(try await stage.release(held).accepted == count)
        held = try await stage.held()
        let nacks = held.map { Nack($0, .retry, maxFailures: 9, reason: "") }
        #expect(
            try await stage.store.nack(nacks, on: stage.queue, by: stage.me)
                == Array(repeating: .retried, count: count))
        #expect(try await stage.ack(try await stage.held()).accepted == count)
        #expect(try await stage.stats().done == count)
    }

    @Test(arguments: Kind.allCases)
    func `settles of nothing settle nothing`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        #expect(try await stage.ack([]).accepted == 0)
        #expect(try await stage.release([]).accepted == 0)
        #expect(try await stage.extend([]).refused.isEmpty)
        #expect(try await stage.store.nack([], on: stage.queue, by: stage.me).isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `malformed settles are refused whole`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        let held = try await stage.held()[0]
        let many = Array(repeating: held, count: 1001)
        let nacks = many.map { Nack($0, .retry, maxFailures: 9, reason: "") }
        try await stage.expectRefused("nack") { _ = try await stage.store.nack(nacks, on: stage.queue, by: stage.me) }
        try await stage.expectRefused("release") { _ = try await stage.release([held], delay: .milliseconds(-1)) }
        try await stage.expectRefused("extend") { _ = try await stage.extend([held], lease: .zero) }
        // The message of these is that of the groups that they share.
        for body in [
            { _ = try await stage.ack(many) }, { _ = try await stage.release(many) },
            { _ = try await stage.extend(many) },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: StintError.self) { try await body() }
            #expect(error?.code == .refused && error?.message.contains("STINT_ARGUMENTS") == true)
        }
        #expect(try await stage.state("a") == .leased)
    }

    @Test(arguments: Kind.allCases)
    func `failures tell of the jobs that failed and may run again, and of why`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("dead", "later", "ready", "fine", "cancelled")
        let held = try await stage.held()
        let long = String(repeating: "x", count: 500)
        _ = try await stage.nack(held[0], .reject, reason: long)
        _ = try await stage.nack(held[1], delay: .seconds(5), reason: "oops")
        _ = try await stage.nack(held[2], reason: "oops")
        _ = try await stage.ack([held[3]])
        _ = try await stage.nack(held[4], .cancel, reason: "cancelled: why")
        let jobs = try await stage.store.failures(1000, from: "0", on: stage.queue).jobs.sorted { $0.id < $1.id }
        #expect(jobs.map(\.id.rawValue) == ["dead", "later", "ready"])
        #expect(jobs.map(\.state) == [.dead, .scheduled, .ready])
        let nowMs = Stage.startUs / 1000
        #expect(jobs.map(\.whenMs) == [nowMs, nowMs + 5000, nil])
        #expect(jobs.allSatisfy { $0.type == "test" && $0.tries.failures == 1 && $0.tries.lastMs == nowMs })
        #expect(jobs.map(\.payloadBytes) == ["dead", "later", "ready"].map { "payload of \($0)".utf8.count })
        #expect(jobs[0].tries.reason == String(repeating: "x", count: 350 - "1 0 \(nowMs) ".utf8.count))
    }

    @Test(arguments: Kind.allCases)
    func `progress, a checkpoint of any bytes and a log are read as they were written`(kind: Kind) async throws {
        let stage = try await Stage(kind)
        try await stage.enqueue("a")
        let held = try await stage.held()[0], bytes = ByteBuffer(bytes: [0, 255, 10, 200, 0])
        #expect(try await stage.store.progress(of: held.id, on: stage.queue) == nil)
        let notes = [
            StintStore.Note(held, .progress, ByteBuffer(string: "0.5 half way")),
            StintStore.Note(held, .checkpoints, bytes),
        ]
        #expect(try await stage.store.note(notes, on: stage.queue, by: stage.me) == [nil, nil])
        #expect(try await stage.store.note(notes, on: stage.queue, by: stage.other) == [.stale, .stale])
        let progress = try await stage.store.progress(of: held.id, on: stage.queue)
        #expect(progress?.fraction == 0.5 && progress?.note == "half way" && progress?.atMs == Stage.startUs / 1000)
        #expect(try await stage.store.checkpoint(of: held.id, on: stage.queue) == bytes)
        try await stage.store.log(["one", "two"], of: held.id, on: stage.queue)
        try await stage.store.log(["three"], of: held.id, on: stage.queue)
        #expect(try await stage.store.log(of: held.id, on: stage.queue).map(\.text) == ["one", "two", "three"])
        let step = try await stage.store.once("s", of: held, noting: bytes, on: stage.queue, by: stage.me)
        #expect(step == .noted(bytes))
        #expect(try await stage.store.once("s", of: held, noting: nil, on: stage.queue, by: stage.me) == step)
    }
}
