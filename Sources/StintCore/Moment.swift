/// A time of the server's clock that a producer gives: scripts turn durations into times, because only the server knows its
/// clock.
public enum Moment: Hashable, Sendable {
    /// This long after the enqueue.
    case after(Duration)
    /// In ms since 1970.
    case at(ms: Int64)

    /// In a record that was accepted all times are those of the server's clock, ms since 1970.
    package var ms: Int64? { if case .at(let ms) = self { ms } else { nil } }

    /// No moment is later: the end of the year 9999.
    static let lastMs: Int64 = 253_402_300_799_999

    /// As the header of a record says it: `+ms` on its way in, ms since 1970 from then on.
    var encoded: String {
        switch self {
        case .after(let delay): "+\(max(0, delay.wholeMs))"
        case .at(let ms): "\(ms)"
        }
    }

    init?(decoding text: some StringProtocol) {
        guard let ms = Int64(text) else { return nil }
        self = text.first == "+" ? .after(.milliseconds(ms)) : .at(ms: ms)
    }

    package var isInRange: Bool {
        switch self {
        case .after(let delay): delay >= .zero && delay <= .seconds(86_400 * 3660)
        case .at(let ms): (0...Self.lastMs).contains(ms)
        }
    }

    /// As the script works it out.
    func settled(atMs nowMs: Int64) -> Moment {
        if case .after(let delay) = self { .at(ms: nowMs + min(max(0, delay.wholeMs), 1 << 52)) } else { self }
    }

    /// Whether the script has to work it out.
    var isRelative: Bool { if case .after = self { true } else { false } }
}
