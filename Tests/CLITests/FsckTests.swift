import Foundation
import StintLocal
import StintTesting
import Testing

struct FsckCommandTests {
    let queue = RedisServer.uniqueQueue()

    private func damage(_ id: String) async throws {
        var connection = try RawRedis(socketPath: try await RedisServer.shared().socketPath, timeout: .seconds(10))
        #expect(try connection.call("HSET", "stint:{\(queue)}:jobs", id, "jnoop\n") == .text("1"))
    }

    @Test func `a sound queue is a line and status 0`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        let result = try await stint("fsck", queue)
        #expect(result.status == 0)
        #expect(result.lines.count == 1 && result.lines[0].hasSuffix("looked at, nothing wrong"))
    }

    @Test func `what is found is told with status 1, repaired on request, and gone afterwards`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        try await damage("torn")
        let found = try await stint("fsck", queue)
        #expect(found.status == 1)
        #expect(found.lines[0] == "\(queue)  torn  lost: a record that no index holds (made ready)")
        #expect(found.errors.contains("--repair"))
        #expect(try await stint.stats(queue)["ready"] as? Int == 1)
        let repaired = try await stint("fsck", queue, "--repair", "--json")
        #expect(repaired.status == 0)
        let queues = try #require(try repaired.object()["queues"] as? [[String: Any]])
        let findings = try #require(queues[0]["findings"] as? [[String: String]])
        #expect(findings == [["problem": "lost", "id": "torn"]])
        #expect(try await stint("fsck", queue).status == 0)
        #expect(try await stint.stats(queue)["ready"] as? Int == 2)
    }

    @Test func `control characters of an id do not reach the terminal`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "a").status == 0)
        try await damage("\u{1b}[2J")
        let found = try await stint("fsck", queue)
        #expect(found.status == 1 && !found.output.contains("\u{1b}"))
    }

    @Test func `a bad queue name is a usage error`() async throws {
        let result = try await Command.shared()("fsck", "a b")
        #expect(result.status == 64 && result.errors.contains("a b"))
    }
}
