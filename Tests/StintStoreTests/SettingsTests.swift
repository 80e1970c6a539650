import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SettingsTests {
    @Test func `settings are set, changed and unset one by one, and the ones before are told`() async throws {
        try await withQueue { bench in
            let (store, queue) = (bench.store, bench.queue)
            #expect(try await store.settings(of: queue).isEmpty)
            #expect(try await store.configure([("order", "fifo"), ("events", "100")], of: queue).isEmpty)
            let before = try await store.configure([("order", "lifo")], of: queue)
            #expect(before["order"] == "fifo" && before["events"] == "100")
            try await store.configure([("events", nil)], of: queue)
            let now = try await store.settings(of: queue)
            #expect(now["order"] == "lifo" && now["events"] == nil)
            try await store.configure([("order", nil)], of: queue)
            #expect(try await bench.redis("HEXISTS", bench.key("meta"), "settings").integer == 0)
        }
    }

    @Test func `malformed settings are refused`() async throws {
        try await withQueue { bench in
            for arguments in [[], ["order"], ["Order", "fifo"], ["order", "a;b"], ["", "x"]] {
                try await bench.expectRefused(Scripts.configure, arguments)
            }
            let many = (0..<21).flatMap { _ in ["name", "value"] }
            try await bench.expectRefused(Scripts.configure, many)
        }
    }
}

/// What hangs on a job beside its record, and the field that says where there may be something.
@Suite(.timeLimit(.minutes(5)))
struct ExtrasTests {
    private func extras(_ bench: Bench) async throws -> String? {
        try await bench.redis("HGET", bench.key("meta"), "extras").string
    }

    @Test func `jobs that finish at the first try leave no extras, others name theirs`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .done)
            #expect(try await extras(bench) == nil)
            try await bench.bring("b", to: .dead)
            #expect(try await extras(bench) == "history,tries,")
            try await bench.bring("c", to: .leased)
            _ = try await bench.store.cancel([JobID("c")], on: bench.queue, reason: "late")
            #expect(try await extras(bench) == "history,tries,cancels,")
        }
    }

    @Test func `a trim forgets which extras there are when they are gone`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .dead)
            let forever = Retention(age: .seconds(86_400), count: 1000)
            _ = try await bench.store.trim(on: bench.queue, keeping: [(.dead, forever)])
            #expect(try await extras(bench) == "history,tries,")
            _ = try await bench.store.purge(1000, .dead, on: bench.queue)
            _ = try await bench.store.trim(on: bench.queue, keeping: [(.dead, forever)])
            #expect(try await extras(bench) == nil)
        }
    }
}

/// What the server works out when it accepts a job.
@Suite(.timeLimit(.minutes(5)))
struct TermsTests {
    @Test func `a time after the enqueue becomes a time of the server's clock, and the payload stays`() async throws {
        try await withQueue { bench in
            var job = try bench.job("a", payload: "payload;b=+5\nJx;b=+7\n")
            job.header.startBy = .after(.seconds(60))
            #expect(try await bench.store.enqueue([job], on: bench.queue) == [.accepted])
            let detail = try #require(try await bench.detail("a"))
            let nowMs = try await bench.store.serverMs()
            guard case .at(let ms) = detail.header?.startBy else { throw Missing() }
            #expect((nowMs + 50_000...nowMs + 60_000).contains(ms))
            #expect(detail.payload == ByteBuffer(string: "payload;b=+5\nJx;b=+7\n"))
        }
    }

    @Test func `a time that is given is kept as it is`() async throws {
        try await withQueue { bench in
            var job = try bench.job("a", isFresh: true)
            job.header.startBy = .at(ms: 4_000_000_000_000)
            #expect(try await bench.store.enqueue([job], on: bench.queue) == [.accepted])
            #expect(try await bench.detail("a")?.header?.startBy == .at(ms: 4_000_000_000_000))
        }
    }

    private struct Missing: Error {}
}
