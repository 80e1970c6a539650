/// What the validators of names share.
package enum Name {
    /// The one rule for names that reach keys: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
    ///
    /// - Parameter kind: what it is the name of, as "queue name".
    package static func checked(_ text: String, _ kind: String) throws(StintError) -> String {
        let bytes = text.utf8
        let isRight =
            (bytes.first.map(isAlphanumeric) ?? false)
            && bytes.count <= 128
            && bytes.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            }
        guard isRight else {
            throw .invalidArgument(
                kind, "\(quoted(text)) is not a \(kind)",
                advice: "Use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit."
            )
        }
        return text
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    static func isPrintable(_ byte: UInt8) -> Bool { byte > 32 && byte < 127 }

    /// For error messages: bounded, and without what moves a terminal's cursor or turns the direction of text.
    package static func quoted(_ text: String) -> String {
        let cleaned = text.unicodeScalars.prefix(60).map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
            default: String(scalar)
            }
        }
        return "\"" + cleaned.joined() + (text.unicodeScalars.count > 60 ? "…" : "") + "\""
    }
}
