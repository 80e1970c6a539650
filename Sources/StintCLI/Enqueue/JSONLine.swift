/// One JSON object, read without losing anything: values keep the text that they were written in, so that numbers are
/// not rounded and members keep their order.
struct JSONLine {
    struct SyntaxError: Error, CustomStringConvertible {
        let description: String
    }

    struct Value {
        enum Kind { case string, number, bool, null, compound }

        let kind: Kind
        /// The value without the white space between its parts.
        let text: [UInt8]

        /// The string itself; `nil` = the value is no string.
        var string: String? { get throws { kind == .string ? try JSONLine.unescape(text) : nil } }
        /// `nil` = the value is no whole number that fits.
        var integer: Int64? { kind == .number ? Int64(String(decoding: text, as: UTF8.self)) : nil }
    }

    private(set) var members: [(key: String, value: Value)] = []

    private static let deepest = 256

    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        guard String(validating: bytes, as: UTF8.self) != nil else { throw SyntaxError(description: "it is not UTF-8") }
        skipSpace()
        guard peek == UInt8(ascii: "{") else { throw unexpected("a JSON object") }
        try readMembers()
        skipSpace()
        if at < bytes.count { throw unexpected("the end of the line") }
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func unexpected(_ wanted: String) -> SyntaxError {
        SyntaxError(description: "it is not JSON: \(wanted) is missing at column \(at + 1)")
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A { at += 1 }
    }

    private mutating func readMembers() throws {
        at += 1
        skipSpace()
        if peek == UInt8(ascii: "}") {
            at += 1
            return
        }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw unexpected("a key") }
            var raw: [UInt8] = []
            try string(into: &raw)
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw unexpected("a colon") }
            at += 1
            var text: [UInt8] = []
            let kind = try value(into: &text, depth: 1)
            let key = try Self.unescape(raw)
            guard !members.contains(where: { $0.key == key }) else {
                throw SyntaxError(description: "the key \"\(key)\" stands twice")
            }
            members.append((key, Value(kind: kind, text: text)))
            guard try separator(UInt8(ascii: "}")) else { return }
        }
    }

    /// After an element: true = another one follows.
    private mutating func separator(_ end: UInt8) throws -> Bool {
        skipSpace()
        guard let byte = peek, byte == end || byte == UInt8(ascii: ",") else {
            throw unexpected("a comma or the end of the value")
        }
        at += 1
        return byte != end
    }

    private mutating func value(into text: inout [UInt8], depth: Int) throws -> Value.Kind {
        skipSpace()
        switch peek {
        case UInt8(ascii: "\""):
            try string(into: &text)
            return .string
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < Self.deepest else {
                throw SyntaxError(description: "its values are nested more than \(Self.deepest) deep")
            }
            try compound(into: &text, depth: depth)
            return .compound
        case UInt8(ascii: "t"): try literal("true", into: &text)
        case UInt8(ascii: "f"): try literal("false", into: &text)
        case UInt8(ascii: "n"):
            try literal("null", into: &text)
            return .null
        default:
            try number(into: &text)
            return .number
        }
        return .bool
    }

    private mutating func compound(into text: inout [UInt8], depth: Int) throws {
        let isObject = peek == UInt8(ascii: "{")
        let end = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
        text.append(bytes[at])
        at += 1
        skipSpace()
        if peek == end {
            at += 1
        } else {
            var isFirst = true
            repeat {
                if !isFirst { text.append(UInt8(ascii: ",")) }
                isFirst = false
                if isObject {
                    skipSpace()
                    guard peek == UInt8(ascii: "\"") else { throw unexpected("a key") }
                    try string(into: &text)
                    skipSpace()
                    guard peek == UInt8(ascii: ":") else { throw unexpected("a colon") }
                    at += 1
                    text.append(UInt8(ascii: ":"))
                }
                _ = try value(into: &text, depth: depth + 1)
            } while try separator(end)
        }
        text.append(end)
    }

    private mutating func literal(_ word: StaticString, into text: inout [UInt8]) throws {
        let letters = Array("\(word)".utf8)
        guard bytes[at...].starts(with: letters) else { throw unexpected("a value") }
        text += letters
        at += letters.count
    }

    private mutating func number(into text: inout [UInt8]) throws {
        let start = at
        func digits() throws {
            let first = at
            while let byte = peek, (0x30...0x39).contains(byte) { at += 1 }
            if at == first { throw unexpected("a value") }
        }
        if peek == UInt8(ascii: "-") { at += 1 }
        if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if peek == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        text += bytes[start..<at]
    }

    /// Copies a string with its quotes and escapes, as it is.
    private mutating func string(into text: inout [UInt8]) throws {
        let start = at
        at += 1
        while let byte = peek {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                text += bytes[start..<at]
                return
            case UInt8(ascii: "\\"): at += 1
            case ..<0x20:
                throw SyntaxError(
                    description: "it is not JSON: a control character stands inside a string at column \(at)")
            default: break
            }
        }
        throw unexpected("the end of a string")
    }
}

extension JSONLine {
    /// The characters of a string that is written with quotes and escapes.
    fileprivate static func unescape(_ raw: [UInt8]) throws -> String {
        let inner = raw.dropFirst().dropLast()
        guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
        var units: [UInt16] = []
        var text = ""
        var plain: [UInt8] = []
        func flush() throws {
            guard !units.isEmpty else { return }
            guard let part = String(validating: units, as: UTF16.self) else {
                throw SyntaxError(description: "a \\u escape is half of a character")
            }
            text += part
            units = []
        }
        func flushPlain() {
            text += String(decoding: plain, as: UTF8.self)
            plain = []
        }
        var rest = inner
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                try flush()
                plain.append(byte)
                continue
            }
            flushPlain()
            let unit = try escape(&rest)
            units.append(unit)
        }
        try flush()
        flushPlain()
        return text
    }

    private static func escape(_ rest: inout ArraySlice<UInt8>) throws -> UInt16 {
        switch rest.popFirst() {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "u"):
            let hex = rest.prefix(4)
            guard hex.count == 4, hex.first != UInt8(ascii: "+"), hex.first != UInt8(ascii: "-"),
                let unit = UInt16(String(decoding: hex, as: UTF8.self), radix: 16)
            else { throw SyntaxError(description: "a \\u is not followed by four hexadecimal digits") }
            rest = rest.dropFirst(4)
            return unit
        case let byte? where byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "/"):
            return UInt16(byte)
        default: throw SyntaxError(description: "a backslash is followed by something else than an escape")
        }
    }
}
