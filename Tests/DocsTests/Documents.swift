import Foundation

/// The texts of the repository.
enum Documents {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    /// The files below a directory whose names end so, relative to the root.
    static func files(below directory: String, ending: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: root + "/" + directory)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(ending) }.map { directory + "/" + $0 }.sorted()
    }

    /// Everything that people read.
    static var all: [String] {
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Lua/README.md"]
            + files(below: "docs", ending: ".md")
    }

    /// The cells of a table: the rows after the one that begins with this header cell, up to the first other line.
    static func table(_ text: String, under header: String) -> [[String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("| \(header) |") }) else { return [] }
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
    }

    /// The fenced blocks of a language.
    static func blocks(_ text: String, _ language: String) -> [String] {
        var blocks: [String] = []
        var block: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = block {
                if line == "```" {
                    blocks.append(lines.joined(separator: "\n"))
                    block = nil
                } else {
                    block = lines + [line]
                }
            } else if line == "```" + language {
                block = []
            }
        }
        return blocks
    }

    /// As GitHub names the anchors of headings.
    static func anchors(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { heading in
                heading.drop { $0 == "#" }.dropFirst().lowercased().compactMap { character -> String? in
                    if character.isLetter || character.isNumber || character == "-" || character == "_" {
                        return String(character)
                    }
                    return character == " " ? "-" : nil
                }.joined()
            })
    }
}
