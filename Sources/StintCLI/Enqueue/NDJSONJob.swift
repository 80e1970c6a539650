import Foundation
import NIOCore
import StintCore
import StintStore

/// Reads one line of `--ndjson`.
enum NDJSONJob {
    /// The payload limit, written with escapes or in Base64, and the other keys.
    static let longestLine = Defaults.maxPayloadBytes * 6 + 4096

    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: `nil` for a blank line.
    static func read(_ line: ByteBuffer, _ template: JobOptions) throws -> JobDraft? {
        let bytes = Array(line.readableBytesView)
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return nil }
        var draft = JobDraft(template, payload: ByteBuffer())
        var hasPayload = false, hasDue = false, hasLease = false
        func once(_ flag: inout Bool, _ what: String) throws {
            if flag { throw Refusal(description: "it gives \(what) twice") }
            flag = true
        }
        for (key, value) in try JSONLine(bytes).members {
            switch key {
            case "payload":
                try once(&hasPayload, "a payload")
                draft.payload = try value.string.map { ByteBuffer(string: $0) } ?? ByteBuffer(bytes: value.text)
            case "payload_base64":
                try once(&hasPayload, "a payload")
                guard let data = Data(base64Encoded: try text(value, key)) else {
                    throw Refusal(description: "its payload_base64 is not Base64")
                }
                draft.payload = ByteBuffer(bytes: data)
            case "type": draft.header.type = try JobType(text(value, key))
            case "id": draft.id = try JobID(text(value, key))
            case "in", "in_ms":
                try once(&hasDue, "a time")
                let delay =
                    key == "in"
                    ? try Duration(parsing: text(value, key))
                    : .milliseconds(try integer(value, key, 0...Int64.max / 2_000_000))
                draft.due = delay > .zero ? .after(delay) : .now
            case "at", "at_ms":
                try once(&hasDue, "a time")
                draft.due = .at(
                    ms: key == "at" ? try time(text(value, key)) : try integer(value, key, 0...9_999_999_999_999))
            case "priority": draft.header.priority = Int(try integer(value, key, -100...100))
            case "max_failures": draft.header.maxFailures = Int(try integer(value, key, 1...1_000_000))
            case "max_lapses": draft.header.maxLapses = Int(try integer(value, key, 1...1_000_000))
            case "lease", "lease_ms":
                try once(&hasLease, "a lease")
                draft.header.lease =
                    key == "lease"
                    ? try Duration(parsing: text(value, key))
                    : .milliseconds(try integer(value, key, 100...604_800_000))
            default: throw Refusal(description: "it has an unknown key \"\(key.prefix(60))\"")
            }
        }
        return draft
    }

    private static func text(_ value: JSONLine.Value, _ key: String) throws -> String {
        guard let text = try value.string else { throw Refusal(description: "its \(key) is not a string") }
        return text
    }

    private static func integer(_ value: JSONLine.Value, _ key: String, _ range: ClosedRange<Int64>) throws -> Int64 {
        guard let integer = value.integer, range.contains(integer) else {
            throw Refusal(
                description: "its \(key) is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    private static func time(_ text: String) throws -> Int64 {
        guard let ms = try? Parse.time(text) else {
            throw Refusal(description: "its at is not a time as 2026-01-31T10:00:00Z")
        }
        return ms
    }
}
