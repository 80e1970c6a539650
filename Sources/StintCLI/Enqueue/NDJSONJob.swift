import Foundation
import NIOCore
import StintCore
import StintStore

/// Reads one line of `--ndjson`.
struct NDJSONJob {
    /// The payload limit, written with escapes or in Base64, and the other keys.
    static let longestLine = Defaults.maxPayloadBytes * 6 + 4096

    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    /// What can be said by more than one key.
    private enum Choice: String {
        case payload, time, lease, timeout, startBy = "start_by", deadline, estimate, span, result
    }

    private var draft: JobDraft
    private var made: Set<Choice> = []

    /// - Returns: `nil` for a blank line.
    static func read(_ line: ByteBuffer, _ template: JobOptions) throws -> JobDraft? {
        let bytes = Array(line.readableBytesView)
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return nil }
        var job = NDJSONJob(draft: JobDraft(template, payload: ByteBuffer()))
        for (key, value) in try JSONLine(bytes).members { try job.take(key, value) }
        return job.draft
    }

    private init(draft: JobDraft) { self.draft = draft }

    private mutating func take(_ key: String, _ value: JSONLine.Value) throws {
        switch key {
        case "payload":
            try make(.payload)
            draft.payload = try value.string.map { ByteBuffer(string: $0) } ?? ByteBuffer(bytes: value.text)
        case "payload_base64":
            try make(.payload)
            guard let data = Data(base64Encoded: try Self.text(value, key)) else {
                throw Refusal(description: "its payload_base64 is not Base64")
            }
            draft.payload = ByteBuffer(bytes: data)
        case "type": draft.header.type = try JobType(Self.text(value, key))
        case "id": draft.id = try JobID(Self.text(value, key))
        case "in": try wait(Duration(parsing: Self.text(value, key)))
        case "in_ms": try wait(.milliseconds(Self.integer(value, key, 0...Int64.max / 2_000_000)))
        case "at": try waitUntil(Self.time(Self.text(value, key)))
        case "at_ms": try waitUntil(Self.integer(value, key, 0...9_999_999_999_999))
        case "priority": draft.header.priority = Int(try Self.integer(value, key, -100...100))
        case "max_failures": draft.header.maxFailures = Int(try Self.integer(value, key, 1...1_000_000))
        case "max_lapses": draft.header.maxLapses = Int(try Self.integer(value, key, 1...1_000_000))
        case "retry_for": draft.header.retryUntil = try .after(Duration(parsing: Self.text(value, key)))
        case "retry": draft.header.retry = try RetryPlan(parsing: Self.text(value, key))
        case "lease":
            try make(.lease)
            draft.header.lease = try Duration(parsing: Self.text(value, key))
        case "keep_result":
            try make(.result)
            draft.header.keepResult = try Duration(parsing: Self.text(value, key))
        case "keep_result_ms":
            try make(.result)
            draft.header.keepResult = .milliseconds(try Self.integer(value, key, 1000...2_592_000_000))
        case "lease_ms":
            try make(.lease)
            draft.header.lease = .milliseconds(try Self.integer(value, key, 100...604_800_000))
        case "timeout":
            try make(.timeout)
            draft.header.timeout = try Duration(parsing: Self.text(value, key))
        case "timeout_ms":
            try make(.timeout)
            draft.header.timeout = .milliseconds(try Self.integer(value, key, 1...31_536_000_000))
        case "sensitive":
            guard value.kind == .bool else { throw Refusal(description: "its sensitive is not true or false") }
            draft.header.isSensitive = value.text == Array("true".utf8)
        case "start_by", "start_by_ms":
            try make(.startBy)
            draft.header.startBy = try Self.moment(value, key)
        case "deadline", "deadline_ms":
            try make(.deadline)
            draft.header.deadline = try Self.moment(value, key)
        case "estimate":
            try make(.estimate)
            draft.header.estimate = try Duration(parsing: Self.text(value, key))
        case "estimate_ms":
            try make(.estimate)
            draft.header.estimate = .milliseconds(try Self.integer(value, key, 1...316_224_000_000))
        case "unique": draft.unique.key = try Self.text(value, key)
        case "unique_for": try hold(for: Duration(parsing: Self.text(value, key)))
        case "unique_for_ms": try hold(for: .milliseconds(Self.integer(value, key, 1...31_622_400_000)))
        case "unique_until":
            try make(.span)
            switch try Self.text(value, key) {
            case "done": draft.unique.span = .untilDone
            case "started": draft.unique.span = .untilStarted
            default: throw Refusal(description: "its unique_until is not done or started")
            }
        case "on_conflict":
            guard let conflict = UniqueConflict(rawValue: try Self.text(value, key)) else {
                throw Refusal(description: "its on_conflict is not reject, existing or replace")
            }
            draft.unique.conflict = conflict
        default: throw Refusal(description: "it has an unknown key \"\(key.prefix(60))\"")
        }
    }

    private mutating func make(_ choice: Choice) throws {
        if !made.insert(choice).inserted { throw Refusal(description: "it gives the \(choice.rawValue) twice") }
    }

    private mutating func hold(for time: Duration) throws {
        try make(.span)
        draft.unique.span = .time(time)
    }

    private mutating func wait(_ delay: Duration) throws {
        try make(.time)
        draft.due = delay > .zero ? .after(delay) : .now
    }

    private mutating func waitUntil(_ ms: Int64) throws {
        try make(.time)
        draft.due = .at(ms: ms)
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

    /// A time from the enqueue, or a time; of a key that ends in `_ms` ms since 1970.
    private static func moment(_ value: JSONLine.Value, _ key: String) throws -> Moment {
        if key.hasSuffix("_ms") { return .at(ms: try integer(value, key, 0...9_999_999_999_999)) }
        guard let moment = try? Parse.moment(text(value, key)) else {
            throw Refusal(description: "its \(key) is neither a duration as 10m nor a time as 2026-01-31T10:00:00Z")
        }
        return moment
    }

    private static func time(_ text: String) throws -> Int64 {
        guard let ms = try? Parse.time(text) else {
            throw Refusal(description: "its at is not a time as 2026-01-31T10:00:00Z")
        }
        return ms
    }
}
