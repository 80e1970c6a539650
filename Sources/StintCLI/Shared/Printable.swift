import Foundation
import NIOCore
import StintCore

/// Text for people. What comes from jobs, names and servers may hold escape sequences that drive a terminal: none of
/// them reaches one.
enum Printable {
    /// Replaces control characters, and those that change the direction of text, by U+FFFD.
    static func clean(_ text: String, keepingLines: Bool = false) -> String {
        func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.value {
            case 0x0A, 0x09: !keepingLines
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F: true
            default: false
            }
        }
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var cleaned = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { cleaned.append(isUnsafe(scalar) ? "\u{FFFD}" : scalar) }
        return String(cleaned)
    }

    /// A payload as text, or as Base64 with a note where it is not UTF-8.
    static func payload(_ payload: ByteBuffer) -> String {
        let bytes = payload.readableBytesView
        if let text = String(validating: bytes, as: UTF8.self) { return clean(text, keepingLines: true) }
        return "\(Data(bytes).base64EncodedString()) (Base64 of \(bytes.count) bytes that are not text)"
    }

    /// The beginning of a payload, on one line.
    static func preview(_ payload: ByteBuffer, _ width: Int = 48) -> String {
        let start = payload.readableBytesView.prefix(width * 4)
        // Cut inside a character: the broken end is not shown.
        let text = String(decoding: start, as: UTF8.self)
        let isCut = start.count < payload.readableBytes || text.count > width
        return clean(isCut ? text.prefix(width - 1) + "…" : text)
    }

    /// `payload` or `payload_base64`, for JSON.
    static func payloadMember(_ payload: ByteBuffer) -> (String, JSON) {
        let bytes = payload.readableBytesView
        if let text = String(validating: bytes, as: UTF8.self) { return ("payload", .string(text)) }
        return ("payload_base64", .string(Data(bytes).base64EncodedString()))
    }

    /// `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 10 min`, `4 d`.
    static func duration(_ duration: Duration) -> String {
        let ms = max(0, duration.wholeMs)
        switch ms {
        case ..<1000: return "\(ms) ms"
        case ..<10_000: return "\(ms / 1000).\(ms % 1000 / 100) s"
        case ..<60_000: return "\(ms / 1000) s"
        case ..<3_600_000: return pair(ms / 60_000, "min", ms % 60_000 / 1000, "s")
        case ..<86_400_000: return pair(ms / 3_600_000, "h", ms % 3_600_000 / 60_000, "min")
        default: return pair(ms / 86_400_000, "d", ms % 86_400_000 / 3_600_000, "h")
        }
    }

    private static func pair(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
        "\(large) \(unit)" + (small == 0 ? "" : " \(small) \(smallUnit)")
    }

    /// `2026-01-31T10:00:00.000Z`.
    static func time(ms: Int64) -> String {
        Date(timeIntervalSince1970: Double(ms) / 1000).formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// `in 3 s` or `3 s ago`.
    static func relative(ms: Int64, to nowMs: Int64) -> String {
        ms >= nowMs ? "in " + duration(.milliseconds(ms - nowMs)) : duration(.milliseconds(nowMs - ms)) + " ago"
    }

    /// `1 job`, `2 jobs`.
    static func count(_ count: Int, _ word: String) -> String { "\(count) \(word)" + (count == 1 ? "" : "s") }
}
