import Foundation
import Stint
import StintCore
import StintLocal
import StintLua
import Testing

@Suite struct ProtocolTests {
    @Test func `every script has a section of its own`() throws {
        let headings = try Documents.text("docs/protocol.md").split(separator: "\n").filter { $0.hasPrefix("### ") }
        #expect(Set(headings.map { String($0.dropFirst(4)) }) == Set(Scripts.all.map(\.name)))
    }

    @Test func `every key that a script touches is in the key table`() throws {
        let rows = Documents.table(try Documents.text("docs/protocol.md"), under: "key")
        let known = Set(rows.map { $0[0].replacing("`", with: "") })
        let text = try Documents.text("docs/protocol.md")
        let registers = text.matches(of: /\| `stint:\{\*\}:(\w+)` \|/).map(\.output.1)
        for script in Scripts.all {
            let isOfRegisters = ["beat", "watch", "miss", "nudge", "tell"].contains(script.name)
            for match in script.source.matches(of: /prefix \.\. '(\w+)'/) {
                let key = match.output.1
                let isKnown = isOfRegisters ? registers.contains(key) : known.contains(String(key))
                #expect(isKnown, "\(key) in \(script.name)")
            }
        }
    }

    @Test func `the example of the order score is right`() throws {
        let text = try Documents.text("docs/protocol.md")
        let micros: Int64 = 1_795_261_911_717_704
        let score = Int64(100 - 5) * (1 << 45) + micros / 125
        #expect(text.contains("priority 5 at \(micros) µs"))
        #expect(text.contains("= `\(score)`"))
    }

    @Test func `the shell function expands scripts to the bytes that the client sends`() async throws {
        let shell = Documents.blocks(try Documents.text("docs/protocol.md"), "sh").first { $0.contains("expand()") }
        let definition = try #require(shell?.split(separator: "\n").dropLast().joined(separator: "\n"))
        let directory = NSTemporaryDirectory() + "stint-docs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let names = Scripts.all.map(\.name).joined(separator: " ")
        let program = definition + "\nfor name in \(names); do expand $name > \"$1/$name\" || exit 1; done"
        let child = try await ChildProcess.spawn(
            "/bin/sh", ["-c", program, "sh", directory], workingDirectory: Documents.root)
        #expect(try await child.waitForExit() == .code(0))
        for script in Scripts.all {
            #expect(
                try String(contentsOfFile: "\(directory)/\(script.name)", encoding: .utf8) == script.source,
                "\(script.name)")
        }
    }
}
