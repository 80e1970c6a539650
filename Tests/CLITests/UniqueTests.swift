import Foundation
import StintTesting
import Testing

/// Unique keys on the command line.
struct UniqueTests {
    let queue = RedisServer.uniqueQueue()

    @Test func `a taken key is an error that names its job, or gives its id, or replaces its payload`() async throws {
        let stint = try await Command.shared()
        let id = try #require(
            try await stint("enqueue", queue, "first", "--unique", "page 7", "--in", "1h").lines.first)
        let refused = try await stint("enqueue", queue, "second", "--unique", "page 7")
        #expect(refused.status == 1 && refused.lines.isEmpty)
        #expect(refused.errors.contains("\(id) has the unique key (scheduled)"))
        let told = try await stint("enqueue", queue, "second", "--unique", "page 7", "--json")
        #expect(told.status == 1)
        #expect(try told.object()["outcome"] as? String == "taken")
        #expect(try told.object()["holder"] as? String == id)
        let existing = try await stint("enqueue", queue, "second", "--unique", "page 7", "--on-conflict", "existing")
        #expect(existing.status == 0 && existing.lines == [id])
        let replaced = try await stint(
            "enqueue", queue, "third", "--unique", "page 7", "--on-conflict", "replace", "--json")
        #expect(replaced.status == 0)
        #expect(try replaced.object()["outcome"] as? String == "replaced")
        #expect(try replaced.object()["id"] as? String == id)
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect(job["payload"] as? String == "third" && job["state"] as? String == "ready")
        #expect(job["unique"] as? String == "page 7")
        #expect(try await stint("job", "show", queue, id).output.contains("page 7 until it ends"))
    }

    @Test func `the ways to hold a key are told by job show`() async throws {
        let stint = try await Command.shared()
        let started = try #require(
            try await stint("enqueue", queue, "a", "--unique", "a", "--until-started").lines.first)
        #expect(try await stint("job", "show", queue, started).output.contains("a until it is started"))
        let timed = try #require(
            try await stint("enqueue", queue, "b", "--unique", "b", "--unique-for", "10m").lines.first)
        #expect(try await stint("job", "show", queue, timed).output.contains("b for 10 min"))
    }

    @Test func `lines of NDJSON have keys of their own, and those that are taken are counted and an error`()
        async throws
    {
        let stint = try await Command.shared()
        let lines = """
            {"payload":"1","unique":"a","in":"1h"}
            {"payload":"2","unique":"b","unique_for":"10m"}
            {"payload":"3","unique":"a","on_conflict":"replace","in":"2h"}
            {"payload":"4","unique":"b"}
            {"payload":"5","unique":"c","unique_until":"started"}

            """
        let result = try await stint("enqueue", queue, "--ndjson", "-", input: Array(lines.utf8))
        #expect(result.status == 1)
        #expect(result.lines.count == 4 && result.lines[2] == result.lines[0])
        #expect(result.errors.contains("3 jobs were accepted, 1 have replaced waiting ones, 1 were refused"))
        #expect(try await stint("job", "show", queue, result.lines[0], "--json").object()["payload"] as? String == "3")
    }

    @Test(arguments: [
        ["--unique-for", "1m"], ["--until-started"], ["--on-conflict", "replace"],
        ["--unique", "a", "--unique-for", "1m", "--until-started"], ["--unique", "a", "--lines", "/dev/null"],
        ["--unique", ""], ["--unique", "a", "--unique-for", "400d"], ["--unique", "a", "--on-conflict", "fight"],
    ])
    func `options that make no sense together are refused`(options: [String]) async throws {
        let stint = try await Command.shared()
        #expect(try await stint(["enqueue", queue] + options).status == 64)
    }

    @Test func `a retry of a job whose key another has is refused, and says why`() async throws {
        let stint = try await Command.shared()
        let first = try #require(try await stint("enqueue", queue, "a", "--unique", "k").lines.first)
        #expect(try await stint("job", "cancel", queue, first).status == 0)
        #expect(try await stint("enqueue", queue, "b", "--unique", "k").status == 0)
        let retry = try await stint("job", "retry", queue, first)
        #expect(retry.status == 1 && retry.errors.contains("another job has its unique key"))
    }
}
