import Foundation
import StintLocal
import StintTesting
import Testing

struct ControlTests {
    let queue = RedisServer.uniqueQueue()

    private func bury(_ stint: Command, _ count: Int) async throws {
        let input = (1...count).map { "{\"id\":\"job-\($0)\"}\n" }.joined()
        try #require(try await stint("enqueue", queue, "--ndjson", "-", input: input).status == 0)
        try #require(try await stint("work", queue, "--exec", "exit 65", "--until-empty").status == 0)
        try #require(try await stint.count("dead", queue) == count)
    }

    @Test func `retry brings dead jobs back and names those that it cannot`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, 2)
        let result = try await stint("job", "retry", queue, "job-1", "nope")
        #expect(result.status == 1)
        #expect(result.output == "job-1 ready\n")
        #expect(result.errors == "stint: job nope is not known\n")
        #expect(try await stint.count("ready", queue) == 1)
        #expect(try await stint.count("dead", queue) == 1)
    }

    @Test func `retry of all dead jobs asks, and does it with yes`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, 3)
        let refused = try await stint("job", "retry", queue, "--all-dead")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("--yes"))
        #expect(try await stint.count("dead", queue) == 3)
        let done = try await stint("job", "retry", queue, "--all-dead", "--yes", "--json")
        #expect(done.status == 0)
        #expect(try done.object()["retried"] as? Int == 3)
        #expect(try await stint.count("ready", queue) == 3)
        #expect(try await stint("job", "retry", queue).status == 64)
    }

    @Test func `the order of a queue is told and set, also with jobs in it`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "--lines", "-", input: "a\nb\nc\n").status == 0)
        #expect(try await stint("queue", "order", queue).output == "priority\n")
        try #require(try await stint("enqueue", queue, "soon", "--deadline", "5m").status == 0)
        #expect(try await stint("queue", "order", queue, "deadline").output == "\(queue) is ordered by deadline\n")
        #expect(
            try await stint("queue", "order", queue, "deadline").output
                == "\(queue) is ordered by deadline, as it was\n")
        #expect(try await stint("queue", "order", queue, "--json").object()["order"] as? String == "deadline")
        #expect(try await stint("stats", queue).lines.last?.hasSuffix("deadline") == true)
        #expect(
            try await stint("work", queue, "--echo", "--until-empty", "--concurrency", "1").lines == [
                "soon", "a", "b", "c",
            ])
        #expect(try await stint("queue", "order", queue, "shortest").output == "\(queue) is ordered by shortest\n")
        #expect(try await stint("queue", "order", queue).output == "shortest\n")
        var connection = try RawRedis(socketPath: try await RedisServer.shared().socketPath, timeout: .seconds(10))
        _ = try connection.call("HSET", "stint:{\(queue)}:estimates", "resize", "320000", "b", "4500000")
        #expect(
            try await stint("queue", "order", queue).lines == [
                "shortest", "TYPE    A RUN TAKES", "b             4.5 s", "resize       320 ms",
            ])
        let estimates = try await stint("queue", "order", queue, "--json").object()["estimates_ms"] as? [String: Int]
        #expect(estimates == ["b": 4500, "resize": 320])
        #expect(try await stint("queue", "order", queue, "sideways").status == 64)
        #expect(try await stint("queue", "order", queue, "aged:90s").output == "\(queue) is ordered by aged:90s\n")
    }

    @Test func `change gives waiting jobs another priority and another due time`() async throws {
        let stint = try await Command.shared()
        for id in ["one", "two"] { try #require(try await stint("enqueue", queue, id, "--id", id).status == 0) }
        #expect(try await stint("job", "change", queue, "two", "--priority", "5").output == "two changed\n")
        #expect(try await stint("job", "show", queue, "two", "--json").object()["priority"] as? Int == 5)
        #expect(try await stint("job", "change", queue, "one", "--in", "1h").status == 0)
        #expect(try await stint("job", "show", queue, "one", "--json").object()["state"] as? String == "scheduled")
        #expect(try await stint("job", "change", queue, "one", "--in", "0s").status == 0)
        #expect(
            try await stint("work", queue, "--echo", "--until-empty", "--concurrency", "1").lines == ["two", "one"])
        let refused = try await stint("job", "change", queue, "one", "nope", "--at", "2030-01-31T10:00:00Z")
        #expect(refused.status == 1)
        #expect(
            refused.errors == "stint: job one is done, left as it is\nstint: job nope is not known\n")
        for arguments in [[], ["--priority", "101"], ["--in", "5s", "--at", "2030-01-31T10:00:00Z"]] {
            #expect(try await stint(["job", "change", queue, "one"] + arguments).status == 64)
        }
    }

    @Test func `cancel keeps a waiting job from running`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a", "--id", "one").status == 0)
        let host = ProcessInfo.processInfo.hostName
        let result = try await stint("job", "cancel", queue, "one", "--reason", "changed my mind")
        #expect(result.status == 0)
        #expect(result.output == "one cancelled\n")
        #expect(
            try await stint("job", "show", queue, "one", "--json").object()["reason"] as? String
                == "cancelled: by \(NSUserName())@\(host): changed my mind")
        #expect(try await stint("job", "cancel", queue, "nope").status == 1)
        #expect(try await stint("job", "retry", queue, "one").status == 0)
    }

    @Test func `a paused queue is left alone until it is resumed`() async throws {
        let stint = try await Command.shared()
        #expect(try await stint("queue", "pause", queue).output == "\(queue) is paused\n")
        #expect(try await stint("queue", "pause", queue).output == "\(queue) is paused, as it was\n")
        #expect(try await stint.stats(queue)["paused"] as? Bool == true)
        try #require(try await stint("enqueue", queue, "a").status == 0)
        let worker = try await stint.worker(queue, "--echo")
        #expect(try await stint.count("ready", queue) == 1)
        let resumed = try await stint("queue", "resume", queue, "--json").object()
        #expect((resumed["queues"] as? [[String: Any]])?.first?["changed"] as? Bool == true)
        _ = try await worker.output.first { $0 == "a" }
        worker.signal(SIGTERM)
        _ = try await worker.waitForExit()
    }

    @Test func `purge deletes the named states only, and asks`() async throws {
        let stint = try await Command.shared()
        try #require(
            try await stint("enqueue", queue, "--lines", "-", input: (1...2500).map { "\($0)\n" }.joined()).status == 0)
        try #require(try await stint("enqueue", queue, "later", "--in", "1h").status == 0)
        let refused = try await stint("queue", "purge", queue, "--state", "ready")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("2500"))
        #expect(refused.errors.contains("--yes"))
        #expect(try await stint.count("ready", queue) == 2500)
        let done = try await stint("queue", "purge", queue, "--state", "ready,dead", "--yes")
        #expect(done.output == "2500 jobs of \(queue) deleted\n")
        #expect(try await stint.count("ready", queue) == 0)
        #expect(try await stint.count("scheduled", queue) == 1)
        #expect(try await stint("queue", "purge", queue, "--state", "leased", "--yes").status == 64)
    }

    @Test func `queue ls names the queues that were used`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        #expect(try await stint("queue", "ls").lines.contains(queue))
        let queues = try await stint("queue", "ls", "--json").object()["queues"] as? [[String: Any]]
        #expect(queues?.first { $0["name"] as? String == queue }?["ready"] as? Int == 1)
    }
}
