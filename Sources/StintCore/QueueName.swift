/// The name of a queue, checked. The one validator for every entrance.
///
/// Matches `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. Braces would move the cluster hash tag, and what a name may hold reaches
/// keys, terminals and pages: so nothing else is let in.
public struct QueueName: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let rawValue: String

    /// - Throws: ``StintError`` with code `invalidArgument` and the reason.
    public init(_ rawValue: String) throws(StintError) {
        let bytes = rawValue.utf8
        guard let first = bytes.first, Name.isAlphanumeric(first), bytes.count <= 128,
            bytes.allSatisfy({
                Name.isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            })
        else {
            throw .invalidArgument(
                "queue name",
                "\(Name.quoted(rawValue)) is not a queue name",
                advice: "Use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit."
            )
        }
        self.rawValue = rawValue
    }

    /// A literal is the programmer's own: a wrong one stops the program.
    public init(stringLiteral value: String) {
        do {
            try self.init(value)
        } catch {
            preconditionFailure(error.description)
        }
    }

    public var description: String { rawValue }

    public static func < (left: QueueName, right: QueueName) -> Bool { left.rawValue < right.rawValue }
}

/// What the validators of names share.
enum Name {
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
    static func quoted(_ text: String) -> String {
        let cleaned = text.unicodeScalars.prefix(60).map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
            default: String(scalar)
            }
        }
        return "\"" + cleaned.joined() + (text.unicodeScalars.count > 60 ? "…" : "") + "\""
    }
}
