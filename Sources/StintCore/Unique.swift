/// Until when a job holds its unique key.
public enum UniqueSpan: Hashable, Sendable {
    /// Until it ends, whatever its end is.
    case untilDone
    /// Until it is claimed for the first time.
    case untilStarted
    /// For this long from its enqueue on, also when it is done or dead by then. A cancel, or deleting it, frees the key.
    case time(Duration)

    /// As the header of a record says it.
    var encoded: String {
        switch self {
        case .untilDone: "d"
        case .untilStarted: "s"
        case .time(let length): "t\(max(0, length.wholeMs))"
        }
    }

    init?(decoding text: some StringProtocol) {
        switch text {
        case "d": self = .untilDone
        case "s": self = .untilStarted
        default:
            guard text.first == "t", let ms = Int64(text.dropFirst()) else { return nil }
            self = .time(.milliseconds(ms))
        }
    }
}

/// What becomes of an enqueue whose unique key another job holds.
public enum UniqueConflict: String, Hashable, Sendable, CaseIterable {
    /// It is refused; the outcome says which job holds the key.
    case reject
    /// The same, and the receipt is that of the job that holds the key.
    case existing
    /// A job that waits has what was enqueued for its own: options, payload, due time. When it is running, the new job is accepted and has the key from then on. When it has
    /// ended, and holds the key for a time, the enqueue is refused.
    case replace
}

/// The unique key of a job on its way into a queue.
package struct Unique: Hashable, Sendable {
    package var key: String
    package var conflict: UniqueConflict

    package init(_ key: String, conflict: UniqueConflict = .reject) {
        self.key = key
        self.conflict = conflict
    }

    /// - Throws: ``StintError`` with code `invalidArgument`.
    package func validate() throws(StintError) {
        let isRight = (1...256).contains(key.utf8.count) && key.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
        guard isRight else {
            throw .invalidArgument(
                "unique key", "\(Name.quoted(key)) is not a unique key",
                advice: "Use 1 to 256 bytes of text without control characters.")
        }
    }
}
