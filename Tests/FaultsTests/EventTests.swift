import FaultChecker
import Foundation
import Testing

struct EventTests {
    @Test func `a line that is written is read back as it was`() throws {
        let event = Event(
            .claim, .ok, mono: 12, id: "a\"\\b", token: 1_700_000_000_000_123, consumer: "n1/x", serverMs: 5, dueMs: 4,
            failures: 1, lapses: 2, how: "ack", note: "two\nlines, ünd\u{1}")
        let line = event.line
        #expect(line.hasSuffix("}\n") && line.count { $0 == "\n" } == 1)
        #expect(try JSONDecoder().decode(Event.self, from: Data(line.utf8)) == event)
        let bare = Event(.node, .info, mono: 1)
        #expect(try JSONDecoder().decode(Event.self, from: Data(bare.line.utf8)) == bare)
    }

    @Test func `histories of several processes are read by time, and half a line is left out`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "stint-history-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (one, two) = (directory.appending(path: "one"), directory.appending(path: "two"))
        let events = (1...3).map { Event(.node, .info, mono: $0) }
        try Data((events[0].line + events[2].line).utf8).write(to: one)
        try Data((events[1].line + events[2].line.prefix(20)).utf8).write(to: two)
        #expect(Event.read([one.path, two.path, directory.appending(path: "none").path]) == events)
    }
}
