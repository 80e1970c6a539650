import Foundation
import StintCore
import Testing

struct TransitionTests {
    private static let document = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../docs/lifecycle.md"
    ).standardized

    @Test func `no transition stands twice`() {
        #expect(Set(Transition.all).count == Transition.all.count)
    }

    @Test func `a done job never comes back, and a leased one is left by its settle or its lapse alone`() {
        #expect(!Transition.all.contains { $0.from == .done })
        let ways = Transition.all.filter { $0.from == .leased }.map(\.script)
        #expect(Set(ways) == ["ack", "answer", "nack", "release", "reap"])
        #expect(Transition.all.filter { $0.to == .leased }.map(\.from) == [.ready])
    }

    @Test func `every state can be entered`() {
        #expect(Set(Transition.all.map(\.to)) == Set(JobState.allCases))
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: document.path), "docs/lifecycle.md is not part of this checkout")
    )
    func `the table of the documentation is the table of the code`() throws {
        let code = Set(Transition.all.map { [$0.from?.rawValue ?? "-", $0.event, $0.script, $0.to.rawValue] })
        let text = try String(contentsOf: Self.document, encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `*")) }
        }
        // The one table with these four columns.
        let start = try #require(rows.firstIndex { $0.map { $0.lowercased() } == ["from", "event", "script", "to"] })
        let table = rows[(start + 1)...].drop { $0.allSatisfy { $0.allSatisfy { "-: ".contains($0) } } }.prefix {
            $0.count == 4
        }
        let states = JobState.allCases.map(\.rawValue)
        #expect(Set(table.filter { states.contains($0[3]) }) == code)
    }
}
