import Foundation
import Stint
import StintCore
import StintLua
import Testing

@Suite struct TableTests {
    @Test func `the table of the life of a job is the table of the code`() throws {
        let rows = Documents.table(try Documents.text("docs/lifecycle.md"), under: "from")
        let expected = Transition.all.map { [$0.from?.rawValue ?? "-", $0.event, $0.script, $0.to.rawValue] }
        #expect(rows == expected)
    }

    @Test func `every state has a row`() throws {
        let rows = Documents.table(try Documents.text("docs/lifecycle.md"), under: "state")
        #expect(Set(rows.compactMap(\.first)) == Set(JobState.allCases.map(\.rawValue)))
    }

    @Test func `the defaults are those of the code`() throws {
        func seconds(_ duration: Duration) -> String { "\(duration.components.seconds) s" }
        func retention(_ retention: Retention) -> String { "\(seconds(retention.age)), \(retention.count)" }
        let expected = [
            "`lease`": seconds(Defaults.lease), "`heartbeatsPerLease`": "\(Defaults.heartbeatsPerLease)",
            "`maxFailures`": "\(Defaults.maxFailures)", "`maxLapses`": "\(Defaults.maxLapses)",
            "`grace`": seconds(Defaults.grace), "`cancelGrace`": seconds(Defaults.cancelGrace),
            "`maxPayloadBytes`": "\(Defaults.maxPayloadBytes)",
            "`pollInterval`": seconds(Defaults.pollInterval), "`maxJobsPerCall`": "\(Defaults.maxJobsPerCall)",
            "`keepDone`": retention(Defaults.keepDone), "`keepDead`": retention(Defaults.keepDead),
            "`keepCancelled`": retention(Defaults.keepCancelled), "`maxResultBytes`": "\(Defaults.maxResultBytes)",
            "`maxCheckpointBytes`": "\(Defaults.maxCheckpointBytes)", "`keepResults`": "\(Defaults.keepResults)",
            "`keepResultBytes`": "\(Defaults.keepResultBytes)",
        ]
        let rows = Documents.table(try Documents.text("docs/configuration.md"), under: "name")
        #expect(Dictionary(uniqueKeysWithValues: rows.map { ($0[0], $0[1]) }) == expected)
        // The code may gain a default: then the table above and the document miss it.
        let source = try Documents.text("Sources/StintCore/Defaults.swift")
        #expect(
            source.matches(of: /public static let (\w+)/).map { "`\($0.output.1)`" }.sorted() == expected.keys.sorted())
    }

    @Test func `every environment variable that the code reads or sets is explained`() throws {
        let text = try Documents.text("docs/configuration.md")
        // Include guards of C headers look like variables, and so does the code of an error reply.
        for path in Documents.files(below: "Sources", ending: ".swift") + ["Package.swift"] {
            for match in try Documents.text(path).matches(of: /STINT_[A-Z_]+[A-Z]/)
            where match.output != "STINT_ARGUMENTS" {
                #expect(text.contains("`\(match.output)"), "\(match.output) in \(path)")
            }
        }
    }

    @Test func `every line of the log that operators are told of is in the code`() throws {
        let rows = Documents.table(try Documents.text("docs/operations.md"), under: "line of the log")
        #expect(rows.count > 5)
        let code = try Documents.files(below: "Sources", ending: ".swift").map(Documents.text).joined()
        for row in rows {
            for match in row[0].matches(of: /`([^`]+)`/) { #expect(code.contains("\"\(match.output.1)")) }
        }
    }

    @Test func `every target has a row in the layers`() throws {
        let rows = Documents.table(try Documents.text("docs/architecture.md"), under: "target")
        let directories = Set(
            Documents.files(below: "Sources", ending: "").compactMap { path -> String? in
                let parts = path.split(separator: "/")
                return parts.count == 2 ? String(parts[1]) : nil
            })
        #expect(Set(rows.map { $0[0].replacing("`", with: "") }) == directories)
    }
}

@Suite struct LinkTests {
    @Test func `every link leads to a file and to a heading that exist`() throws {
        for path in Documents.all {
            let text = try Documents.text(path)
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            for match in text.matches(of: /\]\(([^)\s]+)\)/) {
                let link = String(match.output.1)
                if link.contains("://") || link.hasPrefix("mailto:") { continue }
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let target = parts[0].isEmpty ? path : (folder.isEmpty ? "" : folder + "/") + parts[0]
                #expect(Documents.exists(target), "\(link) in \(path)")
                if parts.count == 2, Documents.exists(target) {
                    #expect(Documents.anchors(try Documents.text(target)).contains(parts[1]), "\(link) in \(path)")
                }
            }
        }
    }

    @Test func `every file that a document names in code is there`() throws {
        for path in Documents.all {
            for match in try Documents.text(path).matches(
                of: /`((?:Sources|Lua|Tests|scripts|docs)\/[A-Za-z0-9_\/.+-]*)`/)
            {
                #expect(Documents.exists(String(match.output.1)), "\(match.output.1) in \(path)")
            }
        }
    }
}

@Suite struct ReadmeTests {
    @Test func `the Swift code of the README is code that compiles`() throws {
        func lines(_ text: some StringProtocol) -> String {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
        }
        let compiled = lines(try Documents.text("Tests/DocsTests/ReadmeExample.swift"))
        let blocks = Documents.blocks(try Documents.text("README.md"), "swift").filter {
            !$0.contains("swift-tools-version")
        }
        #expect(blocks.count == 2)
        for block in blocks { #expect(compiled.contains(lines(block))) }
    }

    @Test func `the Swift code of docs testing is code that was run`() throws {
        func lines(_ text: some StringProtocol) -> String {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
        }
        let compiled = lines(try Documents.text("Tests/DocsTests/TestingExample.swift"))
        let blocks = Documents.blocks(try Documents.text("docs/testing.md"), "swift").filter { $0.contains("@Test") }
        #expect(blocks.count == 6)
        for block in blocks { #expect(compiled.contains(lines(block))) }
    }
}
