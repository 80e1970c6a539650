import StintCore
import StintLua
import StintStore
import Testing

@Suite(.timeLimit(.minutes(5)))
struct FailuresTests {
    private func walk(_ bench: Bench, limit: Int = 100) async throws -> [FailedJob] {
        var (cursor, jobs): (String?, [FailedJob]) = ("0", [])
        while let at = cursor {
            let step = try await bench.store.failures(limit, from: at, on: bench.queue)
            jobs += step.jobs
            cursor = step.next
        }
        return jobs.sorted { $0.id < $1.id }
    }

    @Test func `dead jobs and those in another attempt are told, with type, reason and size`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("dead", "ready", "later", "run", "fine", "off")
            let held = try await bench.held()
            func nack(_ index: Int, _ verdict: Nack.Verdict = .retry, delay: Duration = .zero) async throws {
                _ = try await bench.nack(held[index], verdict, delay: delay, reason: "oops \(index)")
            }
            try await nack(3)
            _ = try await bench.claim(1)
            try await nack(0, .reject)
            try await nack(1)
            try await nack(2, delay: .minutes(60))
            try await nack(5, .cancel)
            let jobs = try await walk(bench)
            #expect(jobs.map(\.id.rawValue) == ["dead", "later", "ready", "run"])
            #expect(jobs.map(\.state) == [.dead, .scheduled, .ready, .leased])
            #expect(jobs.map(\.tries.reason) == ["oops 0", "oops 2", "oops 1", "oops 3"])
            #expect(jobs.allSatisfy { $0.type == "test" && $0.tries.failures == 1 })
            #expect(
                jobs.map(\.payloadBytes) == ["dead", "later", "ready", "run"].map { "payload of \($0)".utf8.count })
            for job in jobs { #expect(try await bench.detail(job.id.rawValue)?.whenMs == job.whenMs) }
        }
    }

    @Test func `a queue of many failures is read in steps, each job at least once`() async throws {
        try await withQueue { bench in
            let ids = (0..<1500).map { "job-\($0)" }
            for start in [0, 750] {
                _ = try await bench.store.enqueue(ids[start..<start + 750].map { try bench.job($0) }, on: bench.queue)
            }
            for _ in 0..<2 {
                let nacks = try await bench.held(750).map { Nack($0, .reject, maxFailures: 1, reason: "oops") }
                _ = try await bench.store.nack(nacks, on: bench.queue, by: bench.me)
            }
            let step = try await bench.store.failures(100, from: "0", on: bench.queue)
            #expect(step.next != nil && step.jobs.count < 400)
            #expect(Set(try await walk(bench).map(\.id.rawValue)) == Set(ids))
        }
    }

    @Test func `of a long reason the beginning is told, and of a job without a record no type`() async throws {
        try await withQueue(missingRecords: ["a"]) { bench in
            try await bench.enqueue("a")
            let reason = String(repeating: "x", count: 900)
            _ = try await bench.nack(try #require(try await bench.held().first), .reject, reason: reason)
            try await bench.redis("HDEL", bench.key("jobs"), "a")
            let job = try #require(try await walk(bench).first)
            #expect(job.type == nil && job.payloadBytes == 0)
            #expect(reason.hasPrefix(job.tries.reason) && (300...350).contains(job.tries.reason.count))
        }
    }

    @Test(arguments: [[], ["0"], ["x", "10"], ["0", "0"], ["0", "x"]])
    func `malformed arguments are refused`(arguments: [String]) async throws {
        try await withQueue { try await $0.expectRefused(Scripts.failures, arguments) }
    }

    @Test func `a walk writes nothing`() async throws {
        try await withQueue { bench in
            try await bench.bring("a", to: .dead)
            let jobs = try await bench.expectNoWrites { try await walk(bench) }
            #expect(jobs.count == 1)
        }
    }
}
