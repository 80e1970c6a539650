/// A retry policy that a job carries with it. It goes before the one of the job's type.
///
/// What is stored is one of three kinds: a closure, as in ``RetryPolicy``, cannot be.
public struct RetryPlan: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case exponential(base: Duration, cap: Duration)
        case fixed(Duration)
        case list([Duration])
    }

    /// The longest delay, and the most delays of a list: the header line of a job is short.
    package static let longest = Duration.seconds(366 * 86_400)
    package static let mostDelays = 32

    package let kind: Kind

    /// After base, twice that, four times that, …, at most `cap`, with full jitter: a uniform draw between zero and that.
    public static func exponential(base: Duration = .seconds(2), cap: Duration = .seconds(3600)) -> RetryPlan {
        RetryPlan(kind: .exponential(base: base, cap: cap))
    }

    /// Always after the same time, without jitter.
    public static func fixed(_ delay: Duration) -> RetryPlan { RetryPlan(kind: .fixed(delay)) }

    /// After the first, second, … delay; the last one again and again. 1 to 32 of them.
    public static func list(_ delays: [Duration]) -> RetryPlan { RetryPlan(kind: .list(delays)) }

    /// The same as a policy.
    ///
    /// - Parameter maxFailures: the failure that reaches this buries the job.
    public func policy(maxFailures: Int = Defaults.maxFailures) -> RetryPolicy {
        switch kind {
        case .exponential(let base, let cap): .exponential(base: base, cap: cap, maxFailures: maxFailures)
        case .fixed(let delay): .fixed(delay, maxFailures: maxFailures)
        case .list(let delays): .list(delays, maxFailures: maxFailures)
        }
    }

    private var delays: [Duration] {
        switch kind {
        case .exponential(let base, let cap): [base, cap]
        case .fixed(let delay): [delay]
        case .list(let delays): delays
        }
    }

    package var isInRange: Bool {
        (1...Self.mostDelays).contains(delays.count) && delays.allSatisfy { $0 >= .zero && $0 <= Self.longest }
    }

    // MARK: As text

    /// As the option `r` of a record: `e<base ms>,<cap ms>`, `f<ms>` or `l<ms>,<ms>,…`.
    package var encoded: String {
        letter + delays.map { String($0.wholeMs) }.joined(separator: ",")
    }

    /// Reads what ``encoded`` wrote; `nil` = it is of no kind that this version knows.
    package init?(decoding text: some StringProtocol) {
        var delays: [Duration] = []
        for part in text.dropFirst().split(separator: ",", omittingEmptySubsequences: false) {
            guard let ms = Int64(part), ms >= 0 else { return nil }
            delays.append(.milliseconds(ms))
        }
        self.init(letter: text.first, delays)
    }

    /// Reads what people write: `exponential:2s,1h`, `fixed:5s` or `list:1s,5s,30s`.
    ///
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(parsing text: String) throws(StintError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var delays: [Duration] = []
        for part in parts.count == 2 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : [] {
            delays.append(try Duration(parsing: String(part)))
        }
        let names = ["exponential", "fixed", "list"]
        guard let name = parts.first, names.contains(String(name)), let plan = Self(letter: name.first, delays),
            plan.isInRange
        else {
            throw .invalidArgument(
                "retry policy", "\(Name.quoted(text)) is not a retry policy",
                advice: "Write it as exponential:2s,1h (base, cap), fixed:5s or list:1s,5s,30s; 32 delays at most.")
        }
        self = plan
    }

    private init(kind: Kind) { self.kind = kind }

    private init?(letter: Character?, _ delays: [Duration]) {
        switch (letter, delays.count) {
        case ("e", 2): kind = .exponential(base: delays[0], cap: delays[1])
        case ("f", 1): kind = .fixed(delays[0])
        case ("l", 1...): kind = .list(delays)
        default: return nil
        }
    }

    private var letter: String {
        switch kind {
        case .exponential: "e"
        case .fixed: "f"
        case .list: "l"
        }
    }

    /// As ``init(parsing:)`` reads it.
    public var description: String {
        let name =
            switch kind {
            case .exponential: "exponential"
            case .fixed: "fixed"
            case .list: "list"
            }
        return name + ":" + delays.map(\.written).joined(separator: ",")
    }
}

extension Duration {
    /// As ``init(parsing:)`` reads it, in the largest unit that has no remainder.
    fileprivate var written: String {
        let ms = wholeMs
        for (unit, size) in [("d", Int64(86_400_000)), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where ms != 0 && ms % size == 0 {
            return "\(ms / size)\(unit)"
        }
        return "\(ms)ms"
    }
}
