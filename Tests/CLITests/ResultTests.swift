import Foundation
import StintLocal
import StintTesting
import Testing

struct ResultCommandTests {
    let queue = RedisServer.uniqueQueue()

    @Test func `enqueue waits for the output of the process, and says how the job ended`() async throws {
        let stint = try await Command.shared()
        let worker = try await stint.worker(
            queue, "--exec", "read x; echo working >&2; test \"$x\" = bad && exit 65; echo \"got $x\"")
        let done = try await stint("enqueue", queue, "ada\n", "--wait", "--id", "one")
        #expect(done.status == 0 && done.output == "got ada\n")
        let dead = try await stint("enqueue", queue, "bad\n", "--wait-for", "1h")
        #expect(dead.status == 3 && dead.output.isEmpty && dead.errors.contains("exit 65: working"))
        #expect(try await stint("job", "result", queue, "one").output == "got ada\n")
        #expect(try await stint("job", "result", queue, "one", "--json").object()["result"] as? String == "got ada\n")
        #expect(try await eventually { try await stint("job", "tail", queue, "one").output.hasSuffix(" working\n") })
        worker.signal(SIGTERM)
        _ = try await worker.waitForExit()
    }

    @Test func `a job that was cancelled, or does not end, has a status of its own`() async throws {
        let stint = try await Command.shared()
        let late = try await stint("enqueue", queue, "a", "--id", "one", "--wait-for", "10ms")
        #expect(late.status == 5)
        #expect(try await stint("job", "result", queue, "one").status == 5)
        try #require(try await stint("job", "cancel", queue, "one", "--reason", "late", "--by", "ada").status == 0)
        let cancelled = try await stint("job", "result", queue, "one", "--wait")
        #expect(cancelled.status == 4 && cancelled.errors.contains("cancelled: by ada: late"))
        #expect(try await stint("job", "result", queue, "nope").status == 1)
        try #require(try await stint("enqueue", queue, "a", "--id", "plain").status == 0)
        #expect(try await stint("job", "result", queue, "plain").status == 1)
    }

    @Test func `only one job can be waited for, and results are kept for a time that makes sense`() async throws {
        let stint = try await Command.shared()
        #expect(try await stint("enqueue", queue, "--lines", "-", "--wait", input: "a\n").status == 64)
        #expect(try await stint("enqueue", queue, "a", "--keep-result", "1ms").status == 64)
        let line = "{\"id\":\"one\",\"keep_result\":\"1h\"}\n"
        try #require(try await stint("enqueue", queue, "--ndjson", "-", input: line).status == 0)
        #expect(try await stint("job", "show", queue, "one").output.contains("kept for 1 h"))
    }

    @Test func `tail follows the log of a job until Ctrl-C`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a", "--id", "one").status == 0)
        let tail = try await stint.start("job", "tail", queue, "one", "-f", "--json")
        let worker = try await stint.worker(queue, "--exec", "echo hello >&2")
        let line = try await tail.output.first { $0.contains("hello") }
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["line"] as? String == "hello")
        tail.signal(SIGINT)
        #expect(try await tail.waitForExit() == .code(0))
        worker.signal(SIGTERM)
        _ = try await worker.waitForExit()
    }
}
