import Foundation
import StintLocal
import StintTesting
import Testing

struct WatchCommandTests {
    let queue = RedisServer.uniqueQueue()

    private func watcher(_ stint: Command, _ arguments: String...) async throws -> ChildProcess {
        let child = try await ChildProcess.spawn(
            Command.path, ["watch", queue] + arguments, environment: stint.changes)
        _ = try await child.errorOutput.first { $0.hasPrefix("watching ") }
        return child
    }

    @Test func `watch turns events on, says so, and shows what happens until Ctrl-C`() async throws {
        let stint = try await Command.shared()
        let child = try await watcher(stint)
        #expect(child.errorOutput.soFar.contains { $0.contains("stint queue events \(queue) off") })
        try #require(try await stint("enqueue", queue, "a", "--id", "one").status == 0)
        try #require(try await stint("job", "cancel", queue, "one", "--reason", "late", "--by", "ada").status == 0)
        let line = try await child.output.first { $0.contains("cancelled") }
        #expect(line.hasSuffix("cancelled one (by ada: late)"))
        #expect(child.output.soFar.first?.hasSuffix("enqueued → ready one") == true)
        child.signal(SIGINT)
        #expect(try await child.waitForExit() == .code(0))
        #expect(try await stint("queue", "events", queue).output == "\(queue): events are on, about 10000 are kept\n")
    }

    @Test func `watch shows the jobs and events that are asked for, as JSON too`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("queue", "events", queue, "100").status == 0)
        for id in ["one", "two"] { try #require(try await stint("enqueue", queue, "a", "--id", id).status == 0) }
        try #require(try await stint("job", "cancel", queue, "one", "two").status == 0)
        let child = try await watcher(stint, "--all", "--json", "--id", "two", "--event", "enqueued,cancelled")
        _ = try await child.output.first { $0.contains("\"cancelled\"") }
        let lines = try child.output.soFar.map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(lines.map { $0["event"] as? String } == ["enqueued", "cancelled"])
        #expect(lines[0]["jobs"] as? [String] == ["two"] && lines[0]["state"] as? String == "ready")
        child.signal(SIGTERM)
        #expect(try await child.waitForExit() == .code(0))
    }

    @Test func `a reader that goes away ends it`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("queue", "events", queue, "on").status == 0)
        for id in ["one", "two"] { try #require(try await stint("enqueue", queue, "a", "--id", id).status == 0) }
        let result = try await stint.shell("{ stint watch \(queue) --all; echo $? >&2; } | true")
        #expect(result.errors.hasSuffix("141\n"))
    }

    @Test func `events are turned on and off, and other wishes are refused`() async throws {
        let stint = try await Command.shared()
        #expect(try await stint("queue", "events", queue).output == "\(queue): events are off\n")
        #expect(try await stint("queue", "events", queue, "7", "--json").object()["events"] as? Int == 7)
        #expect(try await stint("queue", "events", queue, "off").output == "\(queue): events are off\n")
        for wish in ["0", "many", "1000001"] { #expect(try await stint("queue", "events", queue, wish).status == 64) }
        #expect(try await stint("watch").status == 64)
    }
}
