/// Expands `--- @include "name"`: depth first, each fragment once, so that every file stays valid Lua by itself and no
/// line of Lua is written twice. An include may stand inside a block that seldom runs: then its functions are made only
/// there.
package struct ScriptLoader {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case missing(name: String, includedBy: [String])
        case circular([String])

        package var description: String {
            switch self {
            case .missing(let name, let stack): "no Lua file \"\(name)\", included by \(stack.joined(separator: " > "))"
            case .circular(let stack): "circular include: \(stack.joined(separator: " > "))"
            }
        }
    }

    /// File name without ending -> text.
    let files: [String: String]

    package init(files: [String: String]) {
        self.files = files
    }

    package func expand(_ name: String) throws(Failure) -> String {
        var seen: Set<String> = []
        return try expand(name, stack: [], seen: &seen)
    }

    private func expand(_ name: String, stack: [String], seen: inout Set<String>) throws(Failure) -> String {
        guard let text = files[name] else { throw .missing(name: name, includedBy: stack) }
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard let include = Self.include(in: line) else {
                lines.append(String(line))
                continue
            }
            if include == name || stack.contains(include) { throw .circular(stack + [name, include]) }
            if seen.insert(include).inserted {
                lines.append(try expand(include, stack: stack + [name], seen: &seen))
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func include(in line: Substring) -> String? {
        let line = line.drop { $0 == " " }
        let directive = "--- @include \""
        guard line.hasPrefix(directive), line.hasSuffix("\"") else { return nil }
        return String(line.dropFirst(directive.count).dropLast())
    }
}
