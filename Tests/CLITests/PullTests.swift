import Foundation
import StintLocal
import StintTesting
import Testing

struct PullTests {
    let queue = RedisServer.uniqueQueue()

    /// Options that name the lease of a pulled job.
    private func lease(_ job: [String: Any]) throws -> [String] {
        [
            queue, try #require(job["id"] as? String), "--token", "\(try #require(job["token"] as? Int))", "--consumer",
            try #require(job["consumer"] as? String),
        ]
    }

    private func pull(_ stint: Command, _ options: String...) async throws -> [[String: Any]] {
        try await stint(["pull", queue, "--json"] + options).objects()
    }

    @Test func `a shell script can be a worker`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "--lines", "-", input: "a\nb\n").status == 0)
        let line = """
            stint pull \(queue) --limit 2 --name shell | while IFS=$'\\t' read -r id token consumer payload; do
                stint job ack \(queue) "$id" --token "$token" --consumer "$consumer" >/dev/null && echo "$payload done"
            done
            """
        let result = try await stint.shell(line)
        #expect(result.output == "a done\nb done\n")
        #expect(try await stint.stats(queue)["acked_total"] as? Int == 2)
        #expect(try await stint("pull", queue).output == "")
    }

    @Test func `a pulled job is extended, released, failed and rejected by its token`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "x", "--id", "one").status == 0)
        let first = try #require(try await pull(stint, "--lease", "60s").first)
        #expect(first["payload"] as? String == "x" && first["attempt"] as? Int == 1)
        #expect((50_000...60_000).contains(first["held_for_ms"] as? Int ?? 0))
        let extended = try await stint(["job", "extend"] + lease(first) + ["--lease", "2m"])
        #expect(extended.output == "one is held for 2 min\n")
        #expect(try await stint(["job", "release"] + lease(first)).output == "one is released\n")

        let gone = try await stint(["job", "ack"] + lease(first))
        #expect(gone.status == 1 && gone.errors.hasPrefix("stint: job one is not held by anybody"))
        let second = try #require(try await pull(stint).first)
        let stale = try await stint(["job", "extend"] + lease(first))
        #expect(stale.status == 1 && stale.errors == "stint: job one is held under another lease\n")
        let failed = try await stint(["job", "nack"] + lease(second) + ["--reason", "busy", "--delay", "0s"])
        #expect(failed.output == "one will be tried again\n")

        let third = try #require(try await pull(stint).first)
        #expect(third["failures"] as? Int == 1)
        #expect(try await stint(["job", "nack"] + lease(third) + ["--reject"]).output == "one is dead\n")
        let job = try await stint("job", "show", queue, "one", "--json").object()
        let history = try #require(job["history"] as? [[String: Any]])
        #expect(history.map { $0["kind"] as? String } == ["failed", "rejected"])
        #expect(history.map { $0["error"] as? String } == ["busy", "it failed"])
        #expect(history.map { $0["token"] as? Int } == [second["token"] as? Int, third["token"] as? Int])
        #expect(try await stint("job", "show", queue, "one").output.contains(/history +.* ago, failed on .*: busy/))
    }

    @Test func `an extension of a job that somebody wants cancelled says so`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "x", "--id", "one").status == 0)
        let job = try #require(try await pull(stint).first)
        try #require(try await stint("job", "cancel", queue, "one", "--reason", "enough").status == 0)
        let extended = try await stint(["job", "extend"] + lease(job))
        #expect(extended.status == 1)
        #expect(extended.errors.contains(/^stint: job one is wanted cancelled: .*enough\n$/))
        #expect(try await stint(["job", "nack"] + lease(job)).output == "one is cancelled\n")
    }

    @Test func `why tells the reason in words, and in JSON with its numbers`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "x", "--id", "later", "--in", "1h").status == 0)
        let text = try await stint("job", "why", queue, "later")
        #expect(text.status == 0 && text.output.hasPrefix("it is due in 60 min: it was enqueued for then"))
        let why = try await stint("job", "why", queue, "later", "--json").object()
        #expect(why["reason"] as? String == "not_due")
        #expect((3_000_000...3_600_000).contains(why["due_in_ms"] as? Int ?? 0))
        let unknown = try await stint("job", "why", queue, "nope", "--json")
        #expect(unknown.status == 1)
        #expect(try unknown.object()["reason"] as? String == "unknown")
    }

    @Test func `why of a dead job lists its attempts`() async throws {
        let stint = try await Command.shared()
        try #require(
            try await stint("enqueue", queue, "x", "--id", "one", "--max-failures", "2", "--retry", "fixed:0ms").status
                == 0)
        try #require(
            try await stint("work", queue, "--exec", "echo broken >&2; exit 1", "--until-empty").status == 0)
        let lines = try await stint("job", "why", queue, "one").lines
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("it is dead after 2 failures and 0 lapses: "))
        #expect(lines.dropFirst().allSatisfy { $0.contains(", failed on ") })
    }
}
