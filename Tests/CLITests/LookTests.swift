import Foundation
import StintLocal
import StintTesting
import Testing

struct LookTests {
    let queue = RedisServer.uniqueQueue()

    @Test func `stats print one object with every number`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        try #require(try await stint("enqueue", queue, "a", "--in", "1h").status == 0)
        let stats = try await stint.stats(queue)
        #expect(
            Set(stats.keys) == [
                "name", "ready", "scheduled", "leased", "dead", "done", "cancelled", "enqueued_total", "acked_total",
                "nacked_total",
                "lapsed_total", "released_total", "dead_total", "cancelled_total", "redriven_total", "paused",
                "order", "reordering", "oldest_ready_ms", "due_in_ms",
                "lapse_in_ms",
            ])
        #expect(stats["name"] as? String == queue)
        #expect(stats["ready"] as? Int == 1)
        #expect(stats["scheduled"] as? Int == 1)
        #expect(stats["enqueued_total"] as? Int == 2)
        #expect(stats["paused"] as? Bool == false)
        #expect(stats["order"] as? String == "priority" && stats["reordering"] as? Bool == false)
        #expect((stats["oldest_ready_ms"] as? Int ?? -1) >= 0)
        #expect((3_000_000...3_600_000).contains(stats["due_in_ms"] as? Int ?? 0))
        #expect(stats["lapse_in_ms"] is NSNull)
    }

    @Test func `job show tells who holds a running job, and until when`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            try #require(try await stint("enqueue", queue, directory, "--id", "one").status == 0)
            let worker = try await stint.worker(
                queue, "--name", "me", "--exec",
                "read -r d; echo x > $d/began; until test -e $d/go; do sleep 0.02; done")
            #expect(await eventually { FileManager.default.fileExists(atPath: directory + "/began") })
            let lines = try await stint("job", "show", queue, "one").lines
            #expect(lines.contains { $0.wholeMatch(of: /state +leased/) != nil })
            #expect(lines.contains { $0.wholeMatch(of: /holder +me\/\S+/) != nil })
            #expect(lines.contains { $0.wholeMatch(of: /token +[1-9]\d*/) != nil })
            #expect(lines.contains { $0.wholeMatch(of: /attempt +1/) != nil })
            #expect(lines.contains { $0.wholeMatch(of: /deadline +in \d+ s .*/) != nil })
            try "".write(toFile: directory + "/go", atomically: true, encoding: .utf8)
            worker.signal(SIGTERM)
            #expect(try await worker.waitForExit() == .code(0))
        }
    }

    @Test func `stats for people are a table`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        let lines = try await stint("stats", queue).lines
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("QUEUE"))
        #expect(lines[1].split(separator: " ").prefix(6) == [Substring(queue), "1", "0", "0", "0", "0"])
    }

    @Test func `watched stats go on with rates until they are interrupted`() async throws {
        let stint = try await Command.shared()
        let child = try await stint.start("stats", queue, "--watch", "--every", "50ms", "--json")
        _ = try await child.output.first { $0.contains("\"in_per_s\":0.0") }
        try #require(try await stint("enqueue", queue, "a").status == 0)
        _ = try await child.output.first { $0.contains("\"ready\":1,") }
        child.signal(SIGINT)
        #expect(try await child.waitForExit() == .code(0))
    }

    @Test func `job ls lists by state, bounded, from an offset`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "--lines", "-", input: "a\nb\nc\n").status == 0)
        try #require(try await stint("enqueue", queue, "later", "--in", "1h").status == 0)
        func payloads(_ result: Command.Result) throws -> [String] {
            (try result.object()["jobs"] as? [[String: Any]])?.compactMap { $0["payload"] as? String } ?? []
        }
        #expect(try payloads(await stint("job", "ls", queue, "--json")) == ["a", "b", "c", "later"])
        #expect(try payloads(await stint("job", "ls", queue, "--json", "--state", "scheduled")) == ["later"])
        #expect(
            try payloads(await stint("job", "ls", queue, "--json", "--state", "ready", "--offset", "1", "--limit", "1"))
                == ["b"])
        let table = try await stint("job", "ls", queue)
        #expect(table.lines.count == 5)
        #expect(table.lines[4].contains(/in 5\d min/))
        #expect(try await stint("job", "ls", queue, "--state", "nonsense").status == 64)
    }

    @Test func `job show tells a leased job's holder and deadline`() async throws {
        let stint = try await Command.shared()
        let id = try #require(try await stint("enqueue", queue, "a").lines.first)
        let worker = try await stint.worker(queue, "--exec", "sleep 60", "--name", "holder", "--grace", "0s")
        #expect(await eventually { (try? await stint.count("leased", queue)) == 1 })
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect(job["state"] as? String == "leased")
        #expect((job["consumer"] as? String)?.hasPrefix("holder/") == true)
        #expect((job["deadline_ms"] as? Int ?? 0) > (job["server_ms"] as? Int ?? .max))
        let text = try await stint("job", "show", queue, id).output
        #expect(text.contains("deadline  in "))
        #expect(text.contains("holder    holder/"))
        worker.signal(SIGTERM)
        _ = try await worker.waitForExit()
    }

    @Test func `job show of an unknown job fails with status 1`() async throws {
        let result = try await Command.shared()("job", "show", queue, "nope")
        #expect(result.status == 1)
        #expect(result.errors.hasPrefix("stint: no job nope is known on \(queue)."))
    }

    @Test func `node ls shows a running node and forgets one that left`() async throws {
        let stint = try await Command.shared()
        let worker = try await stint.worker(queue, "--echo", "--name", queue, "--concurrency", "3")
        @Sendable func mine() async throws -> [String: Any]? {
            let nodes = try await stint("node", "ls", "--json").object()["nodes"] as? [[String: Any]]
            return nodes?.first { $0["name"] as? String == queue }
        }
        #expect(await eventually { (try? await mine()) ?? nil != nil })
        let node = try #require(try await mine())
        #expect(node["pid"] as? Int == Int(worker.pid))
        #expect(node["queues"] as? [String] == [queue])
        #expect(node["concurrency"] as? Int == 3)
        #expect(node["lost"] as? Bool == false)
        #expect(try await stint("node", "ls").output.contains("0/3"))
        worker.signal(SIGTERM)
        _ = try await worker.waitForExit()
        #expect(try await mine() == nil)
    }

    @Test func `the version and the completion scripts are printed`() async throws {
        let stint = Command()
        #expect(try await stint("--version").output.contains("."))
        for shell in ["bash", "zsh", "fish"] {
            let script = try await stint("completions", shell)
            #expect(script.status == 0)
            #expect(script.output.contains("enqueue"))
        }
        #expect(try await stint("completions", "sh").status == 64)
    }

    @Test func `help names every exit status`() async throws {
        let help = try await Command()("--help").output
        for status in ["64", "65", "69", "77", "130", "141", "143"] {
            #expect(help.contains("\n  \(status.count == 2 ? " " : "")\(status)  "))
        }
    }
}
