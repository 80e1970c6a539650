import StintCore
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct HistoryTests {
    private func history(_ bench: Bench, _ id: String = "a") async throws -> [JobAttempt] {
        try #require(try await bench.detail(id)).history
    }

    @Test func `every attempt that was no success is told, by whom, under which token, and why`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            var tokens: [Token] = []
            for (verdict, reason) in [(Nack.Verdict.retry, "oops"), (.retry, "timed out after 3s"), (.reject, "no")] {
                let held = try #require(try await bench.held().first)
                tokens.append(held.token)
                _ = try await bench.nack(held, verdict, reason: reason)
            }
            let attempts = try await history(bench)
            #expect(attempts.map(\.kind) == [.failed, .timedOut, .rejected])
            #expect(attempts.map(\.error) == ["oops", "timed out after 3s", "no"])
            #expect(attempts.map(\.token) == tokens)
            #expect(attempts.allSatisfy { $0.consumer == bench.me.description })
            #expect(attempts.last?.atMs == (try await bench.detail("a"))?.tries.lastMs)
        }
    }

    @Test func `lapses are told, those of a closed connection with that reason, and cancelled runs`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.claim(for: bench.other, lease: .minutes(1))
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue, gone: bench.other)
            let held = try await bench.held()
            _ = try await bench.nack(held[0], .cancel, reason: "cancelled: late")
            let attempts = try await history(bench)
            #expect(attempts.map(\.kind) == [.lapsed, .cancelled])
            #expect(attempts.map(\.consumer) == [bench.other.description, bench.me.description])
            #expect(attempts.map(\.error) == ["its connection was gone", "cancelled: late"])
        }
    }

    @Test func `the last ten are kept, and of each error 300 bytes, whatever is in it`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            for number in 0..<12 {
                _ = try await bench.nack(
                    try await bench.held()[0], maxFailures: 99,
                    reason: "\(number)\nline \\n two\r\t" + String(repeating: "é", count: 200))
            }
            let attempts = try await history(bench)
            #expect(attempts.count == 10)
            #expect(attempts.first?.error.hasPrefix("2\nline \\n two\r\té") == true)
            #expect(attempts.last?.error.hasPrefix("11\nline \\n two\r\té") == true)
            #expect(attempts.allSatisfy { (299...303).contains($0.error.utf8.count) })
        }
    }

    @Test func `the history survives a redrive, and goes with the job`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .dead)
            _ = try await bench.store.redrive([JobID("a")], on: bench.queue)
            #expect(try await history(bench).map(\.kind) == [.rejected])
            #expect(try await bench.detail("a")?.tries == Tries.none)
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            #expect(try await bench.redis("HLEN", bench.key("history")).integer == 0)
        }
    }

    @Test func `a release is no attempt, and a job that never failed has no history`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("a")
            _ = try await bench.store.release(try await bench.held(), on: bench.queue, by: bench.me)
            #expect(try await history(bench).isEmpty)
            #expect(try await bench.redis("EXISTS", bench.key("history")).integer == 0)
        }
    }

    @Test func `of an id that a redrive forgets the history goes, too`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .dead)
            try await bench.redis("HDEL", bench.key("jobs"), "a")
            #expect(try await bench.store.redrive([JobID("a")], on: bench.queue) == [.empty])
            #expect(try await bench.redis("HLEN", bench.key("history")).integer == 0)
        }
    }

    @Test func `fsck removes the history of a job that is not there`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .dead)
            try await bench.redis("HSET", bench.key("history"), "ghost", "failed 1 1 a/b oops\n")
            #expect(try await bench.fsck(mends: true) == ["stray ghost"])
            #expect(try await history(bench).count == 1)
        }
    }

    @Test func `lines of other kinds are read, and what is no line is passed over`() {
        let attempts = JobAttempt.decode(
            "melted 5 7 n/1 hot\\nvery \\\\ hot\nnonsense\nfailed x 1 n/1 e\nlapsed 6 8 n/2 \n")
        #expect(attempts.map(\.kind) == [JobAttempt.Kind(rawValue: "melted"), .lapsed])
        #expect(attempts.map(\.error) == ["hot\nvery \\ hot", ""])
        #expect(attempts.map(\.atMs) == [5, 6])
    }
}

@Suite(.timeLimit(.minutes(5)))
struct RetryWindowTests {
    private func enqueue(_ bench: Bench, until moment: Moment) async throws {
        var job = try bench.job("a")
        job.header.retryUntil = moment
        _ = try await bench.store.enqueue([job], on: bench.queue)
    }

    @Test func `the window begins with the enqueue, on the server's clock`() async throws {
        try await withQueue { bench in
            let before = try await bench.store.serverMs()
            try await enqueue(bench, until: .after(.minutes(120)))
            let after = try await bench.store.serverMs()
            let untilMs = try #require(try await bench.detail("a")?.header?.retryUntilMs)
            #expect((before + 7_200_000...after + 7_200_000).contains(untilMs))
        }
    }

    @Test func `a retry that would be due after the window buries the job, and says so`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, until: .after(.minutes(60)))
            #expect(try await bench.nack(try await bench.held()[0], delay: .minutes(50)) == .retried)
            try await bench.advance(by: .minutes(50))
            #expect(try await bench.nack(try await bench.held()[0], delay: .minutes(70)) == .dead)
            let detail = try #require(try await bench.detail("a"))
            #expect(detail.state == .dead && detail.tries.reason == "retry window over: oops")
            #expect(detail.tries.failures == 2 && detail.history.map(\.error) == ["oops", "oops"])
            #expect(try await bench.inspector.stats(of: bench.queue).deadTotal == 1)
        }
    }

    @Test func `after the window not even a retry at once is made, but a lapse is no failure`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, until: .at(ms: 1000))
            _ = try await bench.claim(lease: .minutes(1))
            try await bench.advance(by: .minutes(2))
            #expect(try await bench.store.reap(from: bench.queue).lapses.map(\.outcome) == [.ready])
            #expect(try await bench.nack(try await bench.held()[0], delay: .zero) == .dead)
        }
    }

    @Test func `a cancelled or rejected job has its own reason, window or not`() async throws {
        try await withQueue { bench in
            try await enqueue(bench, until: .at(ms: 1000))
            #expect(try await bench.nack(try await bench.held()[0], .reject, reason: "no") == .dead)
            #expect(try await bench.detail("a")?.tries.reason == "no")
            _ = try await bench.store.redrive([JobID("a")], on: bench.queue)
            #expect(try await bench.nack(try await bench.held()[0], .cancel, reason: "late") == .cancelled)
            #expect(try await bench.detail("a")?.tries.reason == "late")
        }
    }
}
