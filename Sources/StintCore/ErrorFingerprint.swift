/// What errors of one cause have in common: the first line of their text, without what differs from job to job.
///
/// Quoted strings become `S`, UUIDs and hexadecimal numbers `H`, other numbers `N`. Paths and words stay.
public struct ErrorFingerprint: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Longer ones are cut here.
    private static let longest = 200
    /// What scripts put before the text of an error.
    private static let prefixes = ["retry window over: "]

    public let description: String

    /// - Parameter reason: the whole text of an error, or a fingerprint, which is its own.
    public init(of reason: String) {
        var line = Substring(reason.prefix { !$0.isNewline })
        for prefix in Self.prefixes where line.hasPrefix(prefix) { line = line.dropFirst(prefix.count) }
        var text = ""
        var rest = line
        var before: Character = " "
        while let first = rest.first, text.count < Self.longest {
            let (token, length) = Self.token(rest, first, after: before)
            text += token
            before = rest.prefix(length).last ?? " "
            rest = rest.dropFirst(length)
        }
        description = text
    }

    public static func < (left: ErrorFingerprint, right: ErrorFingerprint) -> Bool {
        left.description < right.description
    }

    /// What stands at the beginning, and of how many characters it was made.
    private static func token(_ text: Substring, _ first: Character, after before: Character) -> (String, Int) {
        if let quoted = quoted(text, after: before) { return quoted }
        if isWord(first), !isWord(before) {
            if isUUID(text.prefix(36)), !isWord(text.dropFirst(36).first ?? " ") { return ("H", 36) }
            let word = text.prefix(while: isWord)
            if isHex(word) { return ("H", word.count) }
        }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? (String(first), 1) : ("N", digits.count)
    }

    /// A string in quotes that ends on the line. An apostrophe inside a word is none.
    private static func quoted(_ text: Substring, after before: Character) -> (String, Int)? {
        guard let open = text.first, let close = ["\"": "\"", "'": "'", "`": "`", "“": "”"][open] as Character?,
            open != "'" || !isWord(before), let end = text.dropFirst().firstIndex(of: close)
        else { return nil }
        return ("\(open)S\(close)", text.distance(from: text.startIndex, to: end) + 1)
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_")
    }

    private static func isUUID(_ word: Substring) -> Bool {
        let parts = word.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }

    /// `0x…`, or eight and more hexadecimal digits with a letter and a number among them.
    private static func isHex(_ run: Substring) -> Bool {
        if run.hasPrefix("0x") || run.hasPrefix("0X") {
            return run.count > 2 && run.dropFirst(2).allSatisfy(\.isHexDigit)
        }
        return run.count >= 8 && run.allSatisfy(\.isHexDigit) && run.contains(where: \.isNumber)
            && run.contains(where: \.isLetter)
    }
}
