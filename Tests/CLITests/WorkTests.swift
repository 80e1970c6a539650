import Foundation
import StintLocal
import StintTesting
import Testing

struct WorkTests {
    let queue = RedisServer.uniqueQueue()

    @Test func `echo prints payloads, and json says more`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "hello", "--id", "a", "--type", "t").status == 0)
        #expect(try await stint("work", queue, "--echo", "--until-empty").output == "hello\n")
        try #require(try await stint("enqueue", queue, "hello", "--id", "b", "--type", "t").status == 0)
        let run = try await stint("work", queue, "--echo", "--until-empty", "--json").object()
        #expect(run["id"] as? String == "b")
        #expect(run["queue"] as? String == queue)
        #expect(run["type"] as? String == "t")
        #expect(run["attempt"] as? Int == 1)
        #expect(run["payload"] as? String == "hello")
        #expect((run["token"] as? Int ?? 0) > 0)
    }

    @Test func `escape sequences of payloads do not reach the terminal`() async throws {
        let stint = try await Command.shared()
        let payload = "\u{1B}]0;title\u{07}\u{1B}[31mred\u{202E}\n\ttext"
        let id = try #require(try await stint("enqueue", queue, payload).lines.first)
        for result in [
            try await stint("job", "show", queue, id), try await stint("job", "ls", queue),
            try await stint("work", queue, "--echo", "--until-empty"),
        ] {
            #expect(result.output.contains("red"))
            #expect(!result.output.contains("\u{1B}"))
            #expect(!result.output.contains("\u{07}"))
            #expect(!result.output.contains("\u{202E}"))
        }
    }

    @Test func `a command gets the payload on its input and the job in its environment`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "pay\nload", "--id", "a", "--type", "t").status == 0)
        let script =
            #"cat; echo; echo "$STINT_JOB_ID $STINT_QUEUE $STINT_TYPE $STINT_ATTEMPT""#
            + #" "$STINT_IDEMPOTENCY_KEY $STINT_CONSUMER_ID $STINT_TOKEN"; echo oops >&2"#
        let result = try await stint("work", queue, "--exec", script, "--until-empty", "--name", "me")
        #expect(result.status == 0)
        #expect(result.errors.contains("oops\n"))
        #expect(result.lines.prefix(2) == ["pay", "load"])
        let words = try #require(result.lines.last).split(separator: " ").map(String.init)
        #expect(words.prefix(5) == ["a", queue, "t", "1", "\(queue)/a"])
        #expect(words[5].hasPrefix("me/"))
        #expect((Int(words[6]) ?? 0) > 0)
        #expect(try await stint.count("acked_total", queue) == 1)
    }

    @Test func `a command that ignores a large payload is not held up`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, input: [UInt8](repeating: 97, count: 1 << 20)).status == 0)
        #expect(try await stint("work", queue, "--exec", "true", "--until-empty").status == 0)
        #expect(try await stint.count("acked_total", queue) == 1)
    }

    @Test func `no output of short commands is lost`() async throws {
        let stint = try await Command.shared()
        try #require(
            try await stint("enqueue", queue, "--lines", "-", input: (1...100).map { "\($0)\n" }.joined()).status == 0)
        let result = try await stint("work", queue, "--exec", "cat; echo", "--until-empty", "--concurrency", "4")
        #expect(Set(result.lines) == Set((1...100).map { "\($0)" }))
    }

    @Test func `output beyond the limit is dropped and said so, and the command is not held up`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        let result = try await stint(
            "work", queue, "--exec", "head -c 1000000 /dev/zero | tr '\\0' x; exit 65", "--until-empty")
        #expect(result.output == String(repeating: "x", count: 64 << 10))
        #expect(result.errors.contains("only the first 64 KiB of its output are shown"))
        #expect(try await stint.count("dead", queue) == 1)
    }

    @Test func `exit 65 buries the job with the last words`() async throws {
        let stint = try await Command.shared()
        let id = try #require(try await stint("enqueue", queue, "a").lines.first)
        try #require(
            try await stint(
                "work", queue, "--exec", "echo first >&2; echo 'no such account' >&2; exit 65", "--until-empty"
            ).status == 0)
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect(job["state"] as? String == "dead")
        #expect(job["reason"] as? String == "exit 65: no such account")
    }

    @Test(arguments: [
        ("exit 75", "exit 75"), ("echo broken >&2; exit 3", "exit 3: broken"), ("kill -9 $$", "killed by signal 9"),
    ])
    func `any other end is a failure that is tried again later`(_ script: String, _ reason: String) async throws {
        let stint = try await Command.shared()
        let queue = RedisServer.uniqueQueue()
        let id = try #require(try await stint("enqueue", queue, "a").lines.first)
        let worker = try await stint.worker(queue, "--exec", script)
        #expect(await eventually { (try? await stint.count("nacked_total", queue)) ?? 0 > 0 })
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect((job["failures"] as? Int ?? 0) >= 1)
        #expect((job["reason"] as? String)?.hasPrefix(reason) == true)
        #expect(job["state"] as? String != "dead")
        worker.signal(SIGTERM)
        #expect(try await worker.waitForExit() == .code(0))
    }

    @Test func `a cancelled job's whole process group is ended`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            let id = try #require(try await stint("enqueue", queue, directory).lines.first)
            // The grandchild ignores what the shell dies of.
            let script =
                "read -r d; (trap '' TERM; while :; do sleep 0.05; done) & echo $! > $d/new; mv $d/new $d/pid; wait"
            let worker = try await stint.worker(queue, "--exec", script, "--lease", "6s")
            #expect(await eventually { FileManager.default.fileExists(atPath: directory + "/pid") })
            let text = try String(contentsOfFile: directory + "/pid", encoding: .utf8)
            let grandchild = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(kill(grandchild, 0) == 0)
            let cancel = try await stint("job", "cancel", queue, id, "--reason", "test", "--by", "me", "--json")
                .object()
            #expect((cancel["jobs"] as? [[String: Any]])?.first?["outcome"] as? String == "requested")
            #expect(await eventually { (try? await stint.count("cancelled", queue)) == 1 })
            #expect(await eventually { kill(grandchild, 0) != 0 })
            #expect(
                try await stint("job", "show", queue, id, "--json").object()["reason"] as? String
                    == "cancelled: by me: test")
            worker.signal(SIGTERM)
            #expect(try await worker.waitForExit() == .code(0))
        }
    }

    @Test func `SIGTERM lets a running job end, and the exit status is 0`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            try #require(try await stint("enqueue", queue, directory).status == 0)
            let worker = try await stint.worker(
                queue, "--exec", "read -r d; echo x > $d/began; until test -e $d/go; do sleep 0.02; done")
            #expect(await eventually { FileManager.default.fileExists(atPath: directory + "/began") })
            worker.signal(SIGTERM)
            _ = try await worker.errorOutput.first { $0.hasPrefix("stopping: waiting for 1 running job") }
            try "".write(toFile: directory + "/go", atomically: true, encoding: .utf8)
            #expect(try await worker.waitForExit() == .code(0))
            #expect(try await stint.count("acked_total", queue) == 1)
        }
    }

    @Test(arguments: [(SIGTERM, Int32(143)), (SIGINT, Int32(130))])
    func `a second signal ends the grace, and the job is handed back uncounted`(_ number: Int32, _ status: Int32)
        async throws
    {
        let stint = try await Command.shared()
        let queue = RedisServer.uniqueQueue()
        try await withDirectory { directory in
            let id = try #require(try await stint("enqueue", queue, directory).lines.first)
            let worker = try await stint.worker(
                queue, "--exec", "read -r d; echo x > $d/began; sleep 60", "--grace", "60s")
            #expect(await eventually { FileManager.default.fileExists(atPath: directory + "/began") })
            worker.signal(number)
            _ = try await worker.errorOutput.first { $0.hasPrefix("stopping: ") }
            worker.signal(number)
            #expect(try await worker.waitForExit() == .code(status))
            let job = try await stint("job", "show", queue, id, "--json").object()
            #expect(job["state"] as? String == "ready")
            #expect(job["attempt"] as? Int == 1)
        }
    }

    @Test func `a node of one type leaves the others alone`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "mine", "--type", "a").status == 0)
        try #require(try await stint("enqueue", queue, "other", "--type", "b").status == 0)
        let worker = try await stint.worker(queue, "--echo", "--type", "a")
        _ = try await worker.output.first { $0 == "mine" }
        #expect(await eventually { (try? await stint.count("released_total", queue)) ?? 0 > 0 })
        worker.signal(SIGTERM)
        #expect(try await worker.waitForExit() == .code(0))
        #expect(worker.output.soFar == ["mine"])
    }

    @Test func `jobs of one claim are timed one by one`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "--lines", "-", input: "1\n2\n").status == 0)
        let result = try await stint(
            "work", queue, "-v", "--exec", "sleep 0.3", "--until-empty", "--concurrency", "2")
        let times = result.errors.matches(of: /✓ \S+ (\d+) ms/).compactMap { Int($0.1) }
        #expect(times.count == 2)
        #expect(times.allSatisfy { $0 >= 300 })
    }

    @Test func `the history tells every step of a job`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            let file = directory + "/history"
            try #require(try await stint("enqueue", queue, "a", "--id", "one").status == 0)
            try #require(
                try await stint("work", queue, "--exec", "exit 65", "--until-empty", "--history", file).status == 0)
            let events = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map {
                try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(
                events.map { $0["event"] as? String } == [
                    "started", "claimed", "run_began", "run_ended", "settled", "stopping", "stopped",
                ])
            #expect(events.allSatisfy { $0["at_ms"] is Int && $0["mono_ns"] is Int && $0["consumer"] is String })
            #expect(
                events[1...4].allSatisfy {
                    $0["job"] as? String == "one" && $0["queue"] as? String == queue && $0["token"] is Int
                        && $0["attempt"] as? Int == 1
                })
            #expect(events[4]["settle"] as? String == "reject")
            #expect(events[4]["reason"] as? String == "exit 65")
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func `a full disk under the history does not stop the work`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        let result = try await stint("work", queue, "--echo", "--until-empty", "--history", "/dev/full")
        #expect(result.status == 0)
        #expect(result.output == "a\n")
        #expect(result.errors.components(separatedBy: "cannot be written").count == 2)
        #expect(result.errors.contains("7 events could not be written"))
    }

    @Test func `a reader that goes away stops the node, and no job is lost`() async throws {
        let stint = try await Command.shared()
        // More than a pipe holds by far: the worker meets the end of its reader, however late that ends.
        let line = String(repeating: "x", count: 1000) + "\n"
        let input = String(repeating: line, count: 5000)
        try #require(try await stint("enqueue", queue, "--lines", "-", input: input).status == 0)
        let result = try await stint.shell("set -o pipefail; stint work \(queue) --echo | head -n 1")
        #expect(result.status == 141)
        let stats = try await stint.stats(queue)
        #expect(stats["leased"] as? Int == 0)
        let (ready, scheduled, done) = (
            stats["ready"] as? Int ?? 0, stats["scheduled"] as? Int ?? 0, stats["acked_total"] as? Int ?? 0
        )
        #expect(ready + scheduled + done == 5000)
        #expect(ready + scheduled > 0)
    }

    @Test func `a worker outlives its Redis`() async throws {
        let server = try await RedisServer.start(persistence: .aofAlways)
        let stint = Command(environment: ["STINT_REDIS_URL": server.url])
        let worker = try await stint.worker(queue, "--echo")
        try #require(try await stint("enqueue", queue, "before").status == 0)
        _ = try await worker.output.first { $0 == "before" }
        try await server.restart()
        try #require(try await stint("enqueue", queue, "after").status == 0)
        _ = try await worker.output.first { $0 == "after" }
        worker.signal(SIGTERM)
        #expect(try await worker.waitForExit() == .code(0))
        try await server.stop()
    }

    @Test(arguments: [
        ["q"], ["q", "--echo", "--exec", "x"], ["q=0", "--echo"], ["q", "--exec", "x", "--json"],
        ["q", "--echo", "--lease", "x"],
    ])
    func `a wrong command line is refused`(_ arguments: [String]) async throws {
        let result = try await Command().shell("stint work " + arguments.joined(separator: " "))
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("stint: "))
    }
}
