import Foundation
import StintBench
import StintLocal
import StintTesting
import Testing

struct BenchTests {
    private static let few = ["--jobs", "500", "--batch", "100", "--singles", "5"]
    let queue = RedisServer.uniqueQueue()

    @Test func `a benchmark tells its figures and leaves no key behind`() async throws {
        let server = try await RedisServer.start()
        let stint = Command(environment: ["STINT_REDIS_URL": server.url])
        let result = try await stint(["bench", "--json", "--handler", "1ms"] + Self.few)
        #expect(result.status == 0, "\(result.errors)")
        let report = try result.object()
        #expect(report["queue"] as? String == "stint-bench")
        #expect(report["jobs"] as? Int == 500)
        #expect(report["handler_ms"] as? Int == 1)
        for name in ["enqueue", "process"] {
            let phase = try #require(report[name] as? [String: Any])
            for figure in [
                "jobs_per_second", "seconds", "redis_us_per_job", "node_us_per_job", "redis_busy", "node_busy",
            ] {
                #expect(try #require(phase[figure] as? Double) >= 0, "\(name) \(figure)")
            }
        }
        for (name, count) in [("ping_ms", 5), ("pick_up_ms", 5), ("lateness_ms", 5)] {
            let latency = try #require(report[name] as? [String: Any])
            #expect(latency["count"] as? Int == count)
            let (p50, p99, most) = (latency["p50"] as? Double, latency["p99"] as? Double, latency["max"] as? Double)
            #expect(try #require(p50) <= #require(p99) && #require(p99) <= #require(most))
        }
        #expect(BenchLimit(rawValue: try #require(report["limit"] as? String)) != nil)
        #expect((report["sentence"] as? String)?.hasSuffix(".") == true)
        #expect(try keyCount(server) == "0")
        try await server.stop()
    }

    @Test func `people get two tables and one sentence`() async throws {
        let stint = try await Command.shared()
        let result = try await stint(["bench", "--queue", queue] + Self.few)
        #expect(result.status == 0, "\(result.errors)")
        let first = result.lines.map { String($0.prefix { $0 != " " }) }
        #expect(Array(first.dropFirst().prefix(6)) == ["enqueue", "process", "ms", "PING", "pick-up", "lateness"])
        #expect(result.lines.last?.hasSuffix(".") == true)
        #expect(result.errors == "")
    }

    @Test(arguments: [[], ["--in", "1h"]])
    func `a queue with jobs in it is refused and left as it is`(options: [String]) async throws {
        let stint = try await Command.shared()
        try #require(try await stint(["enqueue", queue, "mine"] + options).status == 0)
        let result = try await stint(["bench", "--queue", queue] + Self.few)
        #expect(result.status == 1)
        #expect(result.output == "")
        #expect(result.errors.contains("there are jobs in the queue \(queue): 1"))
        #expect(try await stint.count("enqueued_total", queue) == 1)
        #expect(try await stint.count(options.isEmpty ? "ready" : "scheduled", queue) == 1)
    }

    @Test func `a queue that a node works on is refused`() async throws {
        let stint = try await Command.shared()
        let worker = try await stint.worker(queue, "--echo")
        try #require(try await eventually { try await stint("node", "ls").output.contains(queue) })
        let result = try await stint(["bench", "--queue", queue] + Self.few)
        #expect(result.status == 1)
        #expect(result.errors.contains("works on the queue \(queue)"))
        worker.signal(SIGTERM)
        _ = try await worker.waitForExit()
    }

    @Test func `what a queue has counted stays, and so does its name`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "mine").status == 0)
        try #require(try await stint("queue", "purge", queue, "--state", "ready", "--yes").status == 0)
        try #require(try await stint(["bench", "--queue", queue] + Self.few).status == 0)
        #expect(try await stint("queue", "ls").lines.contains(queue))
        #expect(try await stint.count("enqueued_total", queue) == 511)
        #expect(try await stint.count("done", queue) == 0)
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func `a stop in the middle leaves the queue empty`(signal: Int32, status: Int32) async throws {
        let server = try await RedisServer.start()
        let stint = Command(environment: ["STINT_REDIS_URL": server.url])
        let bench = try await stint.start("bench", "--queue", queue, "--jobs", "1000", "--handler", "1h")
        try #require(try await eventually { try await stint.count("leased", queue) > 0 })
        bench.signal(signal)
        #expect(try await bench.waitForExit() == .code(status))
        #expect(bench.output.soFar == [])
        #expect(try keyCount(server) == "0")
        try await server.stop()
    }

    @Test func `jobs that others put into the queue meanwhile are not deleted`() async throws {
        let stint = try await Command.shared()
        let bench = try await stint.start("bench", "--queue", queue, "--jobs", "1000", "--handler", "1h")
        try #require(try await eventually { try await stint.count("leased", queue) > 0 })
        try #require(try await stint("enqueue", queue, "theirs", "--id", "theirs", "--in", "1h").status == 0)
        bench.signal(SIGINT)
        #expect(try await bench.waitForExit() == .code(1))
        #expect(bench.errorOutput.soFar.joined().contains("1 jobs of somebody else"))
        #expect(try await stint("job", "show", queue, "theirs").status == 0)
    }

    @Test func `what is busy is the limit`() {
        #expect(BenchLimit(slots: 0.9, redis: 0.95, node: 2, sharedCores: 2) == .handlers)
        #expect(BenchLimit(slots: 0, redis: 0.9, node: 1, sharedCores: 2) == .redis)
        #expect(BenchLimit(slots: 0, redis: 0.8, node: 1, sharedCores: 2) == .machine)
        #expect(BenchLimit(slots: 0, redis: 0.8, node: 1, sharedCores: nil) == .node)
        #expect(BenchLimit(slots: 0, redis: nil, node: 0.3, sharedCores: 2) == .waiting)
    }

    /// Of the whole server.
    private func keyCount(_ server: RedisServer) throws -> String {
        var connection = try RawRedis(socketPath: server.socketPath, timeout: .seconds(10))
        guard case .text(let count) = try connection.call("DBSIZE") else { return "an error" }
        return count
    }
}
