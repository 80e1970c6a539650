/// What a record says of its job before the payload, and what never changes: `j<type>\n`, or `J<type>;k=v;k=v\n` where it
/// has options. Scripts look at the options that concern them and never at the payload.
public struct JobHeader: Hashable, Sendable, CustomStringConvertible {
    /// Which handler runs the job.
    public var type: JobType
    /// Higher runs sooner. -100 to 100, default 0.
    public var priority: Int
    /// `nil` = it has none of them, as nearly every job: so what goes along with a job everywhere is small.
    var options: JobOptions?

    public init(
        type: JobType, priority: Int = 0, lease: Duration? = nil, maxFailures: Int? = nil, maxLapses: Int? = nil,
        startBy: Moment? = nil, deadline: Moment? = nil, estimate: Duration? = nil, timeout: Duration? = nil,
        unique: UniqueSpan? = nil, keepResult: Duration? = nil
    ) {
        self.type = type
        self.priority = priority
        var values = JobOptions.Values()
        values.lease = lease
        values.maxFailures = maxFailures
        values.maxLapses = maxLapses
        values.startBy = startBy
        values.deadline = deadline
        values.estimate = estimate
        values.timeout = timeout
        values.unique = unique
        values.keepResult = keepResult
        options = JobOptions(values)
    }

    private init(plain type: JobType) {
        (self.type, priority) = (type, 0)
    }

    /// When the window for retries ends, ms since 1970; `nil` = there is none.
    package var retryUntilMs: Int64? { if case .at(let ms)? = retryUntil { ms } else { nil } }

    /// Whether the enqueue script has to work something out, which it does for those jobs only.
    package var hasTerms: Bool {
        guard let values = options?.values else { return false }
        return values.startBy?.isRelative ?? false || values.deadline?.isRelative ?? false
            || values.retryUntil?.isRelative ?? false
    }

    /// Whether the job was to be started before this time.
    package func isExpired(atMs nowMs: Int64) -> Bool {
        if case .at(let ms) = startBy { ms < nowMs } else { false }
    }

    /// - Throws: ``StintError`` with code `invalidArgument` for the first option that is out of range.
    package func validate() throws(StintError) {
        func check(_ isRight: Bool, _ option: String, _ range: String) throws(StintError) {
            if !isRight {
                throw .invalidArgument("job options", "\(option) is out of range", advice: "It is \(range).")
            }
        }
        try check((-100...100).contains(priority), "priority \(priority)", "-100 to 100")
        if options == nil { return }
        if let lease {
            try check(
                lease >= .milliseconds(100) && lease <= .seconds(86_400 * 7), "lease \(lease)", "100 ms to 7 days")
        }
        if let maxFailures {
            try check((1...1_000_000).contains(maxFailures), "max failures \(maxFailures)", "1 to 1,000,000")
        }
        if let retry {
            try check(retry.isInRange, "retry \(retry)", "1 to 32 delays of 0 to 366 days")
        }
        if let maxLapses { try check((1...1_000_000).contains(maxLapses), "max lapses \(maxLapses)", "1 to 1,000,000") }
        if let startBy {
            try check(startBy.isInRange, "start by \(startBy)", "at most ten years, and before the year 10000")
        }
        if let deadline {
            try check(deadline.isInRange, "deadline \(deadline)", "at most ten years, and before the year 10000")
        }
        if let estimate {
            try check(
                estimate >= .milliseconds(1) && estimate <= .seconds(86_400 * 3660), "estimate \(estimate)",
                "1 ms to ten years")
        }
        if let timeout { try check(Self.timeouts.contains(timeout), "timeout \(timeout)", "1 ms to 365 days") }
        if codec != nil || trace != nil { try validateTexts() }
        if case .time(let length) = unique {
            try check(
                length >= .milliseconds(1) && length <= .seconds(86_400 * 366), "unique for \(length)",
                "1 ms to 366 days")
        }
        if let keepResult {
            try check(
                keepResult >= .seconds(1) && keepResult <= Self.longestKept, "a result kept for \(keepResult)",
                "1 s to 30 days")
        }
        if let retryUntil {
            try check(retryUntil.isInRange, "retry until \(retryUntil)", "at most ten years, and before the year 10000")
        }
    }

    private func validateTexts() throws(StintError) {
        for (text, name, limit) in [(codec, "codec", 100), (trace, "trace", 512)] {
            guard let text else { continue }
            let isRight =
                (1...limit).contains(text.utf8.count)
                && text.utf8.allSatisfy { Name.isPrintable($0) && $0 != UInt8(ascii: ";") }
            if !isRight {
                throw .invalidArgument(
                    "job options", "\(name) \(Name.quoted(text)) is out of range",
                    advice: "It is 1 to \(limit) printable ASCII characters without spaces and semicolons.")
            }
        }
    }

    /// How long a run may be allowed to take.
    package static let timeouts = Duration.milliseconds(1)...(.seconds(86_400 * 365))

    private static let longestKept = Duration.seconds(86_400 * 30)

    /// The header line.
    public var description: String { String(encoded.dropLast()) }

    /// The header line, with its line end.
    package var encoded: String {
        if options == nil, priority == 0 { return "j" + type.rawValue + "\n" }
        var options = ""
        if priority != 0 { options += ";p=\(priority)" }
        if let lease { options += ";l=\(lease.wholeMs)" }
        if let maxFailures { options += ";f=\(maxFailures)" }
        if let maxLapses { options += ";x=\(maxLapses)" }
        if let startBy { options += ";b=\(startBy.encoded)" }
        if let deadline { options += ";d=\(deadline.encoded)" }
        if let estimate { options += ";e=\(estimate.wholeMs)" }
        if let timeout { options += ";t=\(timeout.wholeMs)" }
        if let codec { options += ";c=\(codec)" }
        if let sealedKey { options += ";y=\(sealedKey)" }
        if isSensitive { options += ";m=1" }
        if let trace { options += ";o=\(trace)" }
        if let unique { options += ";u=\(unique.encoded)" }
        if let retry { options += ";r=\(retry.encoded)" }
        if let retryUntil { options += ";n=\(retryUntil.encoded)" }
        if let keepResult { options += ";k=\(keepResult.wholeMs)" }
        return (options.isEmpty ? "j" : "J") + type.rawValue + options + "\n"
    }

    /// Reads a header line without its line end. Options that this version does not know are left alone.
    ///
    /// - Throws: ``StintError`` with code `malformed`.
    package init(decoding line: some StringProtocol) throws(StintError) {
        // A function: the message costs more than all the reading, and nearly every line is well formed.
        func malformed() -> StintError {
            StintError(
                .malformed, "read record", "the header line \(Name.quoted(String(line))) has not the form of one")
        }
        guard let mark = line.first, mark == "j" || mark == "J" else { throw malformed() }
        if !line.utf8.contains(UInt8(ascii: ";")) {
            guard let type = try? JobType(String(line.dropFirst())) else { throw malformed() }
            self.init(plain: type)
            return
        }
        let parts = line.dropFirst().split(separator: ";", omittingEmptySubsequences: false)
        guard let name = parts.first, let type = try? JobType(String(name)) else { throw malformed() }
        self.init(plain: type)
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { throw malformed() }
            guard take(String(pair[0]), pair[1]) else { throw malformed() }
        }
    }

    /// - Returns: false when the value has not the form of this option's.
    private mutating func take(_ key: String, _ text: some StringProtocol) -> Bool {
        let number = Int(text)
        switch key {
        case "p": priority = min(100, max(-100, number ?? 0))
        // As the claim reads it: a lease that is none leaves the job with the node's.
        case "l": lease = number.flatMap { $0 > 0 ? .milliseconds($0) : nil }
        case "f": maxFailures = number
        case "x": maxLapses = number
        case "t": timeout = number.flatMap { $0 > 0 ? .milliseconds($0) : nil }
        case "k": keepResult = number.flatMap { $0 > 0 ? .milliseconds($0) : nil }
        case "b": startBy = Moment(decoding: text); return startBy != nil
        case "d": deadline = Moment(decoding: text); return deadline != nil
        case "e": estimate = number.map { .milliseconds($0) }
        case "c": codec = String(text); return true
        case "y": sealedKey = String(text); return true
        case "m": isSensitive = text != "0"; return true
        case "o": trace = String(text); return true
        case "u": unique = UniqueSpan(decoding: text); return unique != nil
        // A kind that a later version knows leaves the job with its handler's policy.
        case "r": retry = RetryPlan(decoding: text); return true
        case "n": retryUntil = Moment(decoding: text); return retryUntil != nil
        default: return true
        }
        return number != nil
    }
}
