import Foundation
import StintLua
import Testing

/// A file of `Lua/` as it stands in the repository.
struct LuaFile: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String

    var testDescription: String { name }

    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Lua")
        .standardized
    static let scripts = all(in: directory)
    static let includes = all(in: directory.appending(path: "include"))

    private static func all(in directory: URL) -> [LuaFile] {
        let files = (try? FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == "lua" }.map { file in
            LuaFile(
                name: file.deletingPathExtension().lastPathComponent,
                text: (try? String(contentsOf: file, encoding: .utf8)) ?? "")
        }.sorted { $0.name < $1.name }
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The block behind the first line, without its brackets.
    var header: String {
        guard let start = text.range(of: "--[[\n"), let end = text.range(of: "\n]]") else { return "" }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// What Lua runs: without the header, comments and includes.
    var code: String {
        let body = text.range(of: "\n]]").map { text[$0.upperBound...] } ?? text[...]
        return body.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("--") }.joined(separator: "\n")
    }

    var flags: Set<Substring> {
        guard let first = lines.first, let equals = first.firstIndex(of: "=") else { return [] }
        return Set(first[first.index(after: equals)...].split(separator: ","))
    }

    var includedNames: [String] {
        lines.compactMap { $0.wholeMatch(of: /\s*--- @include "(.*)"/).map { String($0.1) } }
    }
}
