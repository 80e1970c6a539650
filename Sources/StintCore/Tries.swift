/// What is known of a job that did not finish at its first try.
public struct Tries: Hashable, Sendable {
    /// Nacks.
    public var failures: Int
    /// Leases that ran out.
    public var lapses: Int
    /// When the last of them happened, in ms since 1970 on the server's clock.
    public var lastMs: Int64
    /// What the last of them said of itself.
    public var reason: String

    /// Which run of the job the next, or present, one is. Derived: every claim ends in an ack, a nack, a lapse, or a
    /// release, and a release is not counted.
    public var attempt: Int { failures + lapses + 1 }

    public static let none = Tries(failures: 0, lapses: 0, lastMs: 0, reason: "")

    public init(failures: Int, lapses: Int, lastMs: Int64, reason: String) {
        self.failures = failures
        self.lapses = lapses
        self.lastMs = lastMs
        self.reason = reason
    }

    /// Reads "<failures> <lapses> <ms> <reason>". What cannot be read counts as nothing: it must not stop the job.
    package init(decoding text: String) {
        let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        // Bounded, so that ``attempt`` cannot overflow.
        func count(_ text: Substring) -> Int { Int(text).map { min(max(0, $0), 1_000_000_000) } ?? 0 }
        self.init(
            failures: count(parts[0]),
            lapses: parts.count > 1 ? count(parts[1]) : 0,
            lastMs: parts.count > 2 ? Int64(parts[2]) ?? 0 : 0,
            reason: parts.count > 3 ? String(parts[3]) : ""
        )
    }
}
