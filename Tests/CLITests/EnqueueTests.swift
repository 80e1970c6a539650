import Foundation
import StintLocal
import StintTesting
import Testing

struct EnqueueTests {
    let queue = RedisServer.uniqueQueue()

    @Test func `enqueue prints the id, and the job carries the payload and the options`() async throws {
        let stint = try await Command.shared()
        let result = try await stint(
            "enqueue", queue, "hello", "--type", "greet", "--priority", "7", "--max-failures", "3", "--max-lapses", "2",
            "--lease", "45s", "--retry", "list:1s,5m")
        #expect(result.status == 0)
        let id = try #require(result.lines.first)
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect(job["payload"] as? String == "hello")
        #expect(job["state"] as? String == "ready")
        #expect(job["type"] as? String == "greet")
        #expect(job["priority"] as? Int == 7)
        #expect(job["max_failures"] as? Int == 3)
        #expect(job["max_lapses"] as? Int == 2)
        #expect(job["retry"] as? String == "list:1s,5m")
        #expect(job["lease_ms"] as? Int == 45_000)
    }

    @Test func `without a payload all of standard input is the payload, bytes included`() async throws {
        let stint = try await Command.shared()
        let id = try #require(try await stint("enqueue", queue, input: [0, 255, 10]).lines.first)
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect(job["payload_base64"] as? String == "AP8K")
    }

    @Test func `a payload file is one payload`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            try "two\nlines\n".write(toFile: directory + "/payload", atomically: true, encoding: .utf8)
            let id = try #require(
                try await stint("enqueue", queue, "--payload-file", directory + "/payload").lines.first)
            #expect(
                try await stint("job", "show", queue, id, "--json").object()["payload"] as? String == "two\nlines\n")
        }
        let missing = try await stint("enqueue", queue, "--payload-file", "/dev/null/none")
        #expect(missing.status == 1)
        #expect(missing.errors.contains("/dev/null/none cannot be read"))
    }

    @Test func `an id is accepted once, and the second time is no error`() async throws {
        let stint = try await Command.shared()
        #expect(
            try await stint("enqueue", queue, "a", "--id", "once", "--json").object()["outcome"] as? String
                == "accepted")
        let again = try await stint("enqueue", queue, "b", "--id", "once", "--json")
        #expect(again.status == 0)
        #expect(try again.object()["outcome"] as? String == "exists")
        #expect(try again.object()["state"] as? String == "ready")
        #expect(again.errors.contains("once exists already"))
        #expect(try await stint("job", "show", queue, "once", "--json").object()["payload"] as? String == "a")
    }

    @Test func `in and at make a job scheduled`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a", "--id", "later", "--in", "1h").status == 0)
        try #require(
            try await stint("enqueue", queue, "a", "--id", "much-later", "--at", "2100-01-01T00:00:00+01:00").status
                == 0)
        let later = try await stint("job", "show", queue, "later", "--json").object()
        let due = try #require(later["due_ms"] as? Int)
        let now = try #require(later["server_ms"] as? Int)
        #expect((3_500_000...3_600_000).contains(due - now))
        #expect(
            try await stint("job", "show", queue, "much-later", "--json").object()["due_ms"] as? Int
                == 4_102_441_200_000)
    }

    @Test func `quiet prints nothing`() async throws {
        let stint = try await Command.shared()
        let result = try await stint("enqueue", queue, "a", "--quiet")
        #expect(result.status == 0)
        #expect(result.output.isEmpty)
        #expect(try await stint.count("ready", queue) == 1)
    }

    @Test(arguments: [
        ["enqueue", "bad name", "x"], ["enqueue", "q", "x", "--in", "30"], ["enqueue", "q", "x", "--at", "tomorrow"],
        ["enqueue", "q", "x", "--priority", "101"],
        ["enqueue", "q", "x", "--in", "1s", "--at", "2100-01-01T00:00:00Z"],
        ["enqueue", "q", "x", "--lines", "-"], ["enqueue", "q", "--lines", "-", "--id", "a"], ["enqueue"],
        ["no-such-command"],
        ["enqueue", "q", "x", "--max-failures", "0"], ["enqueue", "q", "x", "--lease", "1ms"],
        ["enqueue", "q", "x", "--id", "a b"],
    ])
    func `a wrong command line is refused with status 64 and one clear word`(_ arguments: [String]) async throws {
        let line = "stint " + arguments.map { "'\($0)'" }.joined(separator: " ")
        let result = try await Command(environment: ["STINT_REDIS_URL": "redis://127.0.0.1:1"]).shell(line)
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("stint: "))
        #expect(result.output.isEmpty)
    }

    // MARK: Lines

    @Test func `twenty thousand lines become as many jobs, in order`() async throws {
        let stint = try await Command.shared()
        let lines = (1...20_000).map { "line \($0)" }
        let result = try await stint("enqueue", queue, "--lines", "-", input: lines.joined(separator: "\n"))
        #expect(result.status == 0)
        #expect(Set(result.lines).count == 20_000)
        let isSorted = result.lines == result.lines.sorted()
        #expect(isSorted, "ids in the order of their lines")
        #expect(try await stint.count("enqueued_total", queue) == 20_000)
        let worked = try await stint("work", queue, "--echo", "--until-empty", "--concurrency", "1").lines
        #expect(worked.count == lines.count)
        let different = zip(worked, lines).enumerated().first { $0.element.0 != $0.element.1 }
        #expect(different == nil, "the first line that is not where it belongs")
    }

    @Test func `line ends are not part of the payload, and an empty line is an empty payload`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "--lines", "-", input: "a\r\n\nb\n").status == 0)
        let jobs = try await stint("work", queue, "--echo", "--until-empty", "--concurrency", "1", "--json").objects()
        #expect(jobs.map { $0["payload"] as? String } == ["a", "", "b"])
    }

    @Test func `a line longer than a payload may be stops the stream and is named`() async throws {
        let stint = try await Command.shared()
        let input = "first\nsecond\n" + String(repeating: "x", count: (1 << 20) + 1) + "\nfourth\n"
        let result = try await stint("enqueue", queue, "--lines", "-", input: input)
        #expect(result.status == 65)
        #expect(result.errors.contains("line 3: "))
        #expect(result.errors.contains("2 jobs were accepted"))
        #expect(try await stint.count("ready", queue) == 2)
    }

    @Test func `lines of a slow writer are enqueued as they come`() async throws {
        let stint = try await Command.shared()
        let result = try await stint.shell(
            "{ echo one; until stint stats \(queue) --json | grep -q '\"ready\":1,'; do :; done; echo two; }"
                + " | stint enqueue \(queue) --lines -"
        )
        #expect(result.status == 0)
        #expect(result.lines.count == 2)
    }

    @Test func `an interrupted stream says how many jobs were accepted`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            let file = directory + "/lines"
            try #require(try await stint.shell("mkfifo \(file)").status == 0)
            let writer = try await ChildProcess.spawn("/bin/sh", ["-c", "exec yes > \(file)"])
            let child = try await stint.start("enqueue", queue, "--lines", file, "--quiet")
            #expect(await eventually { (try? await stint.count("ready", queue)) ?? 0 > 0 })
            child.signal(SIGINT)
            #expect(try await child.waitForExit() == .code(130))
            writer.signal(SIGKILL)
            let ready = try await stint.count("ready", queue)
            #expect(child.errorOutput.soFar == ["stopped: \(ready) jobs were accepted"])
        }
    }

    @Test func `a reader that goes away ends the command quietly`() async throws {
        let stint = try await Command.shared()
        let result = try await stint.shell("set -o pipefail; seq 100000 | stint enqueue \(queue) --lines - | head -n 1")
        #expect(result.status == 141)
        #expect(result.lines.count == 1)
        #expect(result.errors.isEmpty)
    }

    @Test func `a stream that is enqueued again adds nothing and says so`() async throws {
        let stint = try await Command.shared()
        let input = (1...1500).map { "{\"id\":\"job-\($0)\"}\n" }.joined()
        try #require(try await stint("enqueue", queue, "--ndjson", "-", input: input).errors.isEmpty)
        let again = try await stint("enqueue", queue, "--ndjson", "-", input: input)
        #expect(again.status == 0)
        #expect(again.errors == "0 jobs were accepted, 1500 existed already on \(queue)\n")
        #expect(try await stint.count("ready", queue) == 1500)
    }

    @Test func `a job that is not started in time is dead, and job show says by when it was to be`() async throws {
        let stint = try await Command.shared()
        try #require(
            try await stint("enqueue", queue, "a", "--id", "late", "--start-by", "2020-01-31T10:00:00Z").status == 0)
        try #require(
            try await stint(
                "enqueue", queue, "b", "--id", "early", "--start-by", "10m", "--deadline", "20m", "--estimate", "5s"
            ).status == 0)
        let text = try await stint("job", "show", queue, "early").output
        #expect(text.contains(/start by +in \d/) && text.contains(/wanted by +in \d/) && text.contains(/estimate +5/))
        #expect(try await stint("work", queue, "--echo", "--until-empty").lines == ["b"])
        let late = try await stint("job", "show", queue, "late", "--json").object()
        #expect(late["state"] as? String == "dead")
        #expect(late["reason"] as? String == "expired: it was not started by 2020-01-31T10:00:00.000Z")
        #expect(late["start_by_ms"] as? Int == 1_580_464_800_000)
        for arguments in [["--in", "1h", "--start-by", "10m"], ["--start-by", "soon"], ["--estimate", "0s"]] {
            #expect(try await stint(["enqueue", queue, "c"] + arguments).status == 64)
        }
    }

    // MARK: NDJSON

    @Test func `ndjson reads every key`() async throws {
        let stint = try await Command.shared()
        let input = #"""
            {"payload":"text","type":"t","priority":-5,"max_failures":2,"max_lapses":1,"lease":"45s","retry":"fixed:9s","id":"one"}

            {"payload":{"b": [1, 2.50, 12345678901234567890],  "a":"x\u00e9 \" y"},"in":"1h","id":"two"}
            {"payload_base64":"AAH/","at":"2100-01-01T00:00:00Z","id":"three"}
            {"payload":"\ud83d\ude00\n","in_ms":0,"lease_ms":500,"id":"four"}
            {"at_ms":4102444800000,"id":"five"}
            {"start_by":"10m","deadline_ms":4102444800000,"estimate":"2s","id":"six"}
            {"start_by_ms":4102444800000,"deadline":"2100-01-01T00:00:00Z","estimate_ms":7,"id":"seven"}
            """#
        let result = try await stint("enqueue", queue, "--ndjson", "-", "--priority", "9", input: input)
        #expect(result.status == 0)
        #expect(result.lines == ["one", "two", "three", "four", "five", "six", "seven"])
        func job(_ id: String) async throws -> [String: Any] {
            try await stint("job", "show", queue, id, "--json").object()
        }
        let one = try await job("one")
        #expect(one["payload"] as? String == "text")
        #expect(one["priority"] as? Int == -5)
        #expect(one["lease_ms"] as? Int == 45_000)
        #expect(one["max_failures"] as? Int == 2)
        #expect(one["max_lapses"] as? Int == 1)
        #expect(one["retry"] as? String == "fixed:9s")
        let two = try await job("two")
        #expect(two["payload"] as? String == #"{"b":[1,2.50,12345678901234567890],"a":"x\u00e9 \" y"}"#)
        #expect(two["state"] as? String == "scheduled")
        #expect(two["priority"] as? Int == 9)
        #expect(try await job("three")["payload_base64"] as? String == "AAH/")
        #expect(try await job("three")["due_ms"] as? Int == 4_102_444_800_000)
        #expect(try await job("four")["payload"] as? String == "😀\n")
        #expect(try await job("four")["state"] as? String == "ready")
        #expect(try await job("five")["due_ms"] as? Int == 4_102_444_800_000)
        let (six, seven) = (try await job("six"), try await job("seven"))
        #expect((six["start_by_ms"] as? Int ?? 0) - (six["server_ms"] as? Int ?? 0) > 500_000)
        #expect(six["wanted_by_ms"] as? Int == 4_102_444_800_000 && six["estimate_ms"] as? Int == 2000)
        #expect(seven["start_by_ms"] as? Int == 4_102_444_800_000)
        #expect(seven["wanted_by_ms"] as? Int == 4_102_444_800_000 && seven["estimate_ms"] as? Int == 7)
    }

    @Test(arguments: [
        #"{"payload":"a","foo":1}"#, #"{"payload":"a""#, "[]", "nonsense", #"{"payload":"a"} x"#, #"{"priority":1.5}"#,
        #"{"priority":101}"#,
        #"{"type":"a b"}"#, #"{"id":7}"#, #"{"in":"1h","at_ms":1}"#, #"{"payload":"a","payload_base64":"AA=="}"#,
        #"{"payload_base64":"?"}"#,
        #"{"payload":"\ud83d"}"#, #"{"payload":"a","payload":"b"}"#, #"{"at":"soon"}"#, #"{"in":30}"#,
        #"{"payload":[1,]}"#, #"{"payload":01}"#,
        #"{"payload":"\x"}"#,
    ])
    func `a bad ndjson line is named, and those before it are accepted`(_ line: String) async throws {
        let stint = try await Command.shared()
        let queue = RedisServer.uniqueQueue()
        let result = try await stint("enqueue", queue, "--ndjson", "-", input: "{\"payload\":\"a\"}\n{}\n\(line)\n{}\n")
        #expect(result.status == 65)
        #expect(result.errors.hasPrefix("stint: line 3: "))
        #expect(result.errors.contains("2 jobs were accepted"))
        #expect(result.lines.count == 2)
        #expect(try await stint.count("ready", queue) == 2)
    }
}
