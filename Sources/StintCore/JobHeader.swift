/// What a record says of its job before the payload, and what never changes: `j<type>\n`, or `J<type>;k=v;k=v\n` where it
/// has options. Scripts look at the options that concern them and never at the payload.
public struct JobHeader: Hashable, Sendable {
    /// Which handler runs the job.
    public var type: JobType
    /// Higher runs sooner. -100 to 100, default 0.
    public var priority: Int
    /// The job's own lease; `nil` = the node's.
    public var lease: Duration?
    /// The failure that reaches this buries the job; `nil` = what its handler's retry policy says.
    public var maxFailures: Int?
    /// The lapse that reaches this buries the job; `nil` = ``Defaults/maxLapses``.
    public var maxLapses: Int?
    /// The job is not started after this, but buried; `nil` = it may wait for ever.
    public var startBy: Moment?
    /// How long the job's result is kept after it is done; `nil` = it has none.
    public var keepResult: Duration?

    public init(
        type: JobType, priority: Int = 0, lease: Duration? = nil, maxFailures: Int? = nil, maxLapses: Int? = nil,
        startBy: Moment? = nil, keepResult: Duration? = nil
    ) {
        self.type = type
        self.priority = priority
        self.lease = lease
        self.maxFailures = maxFailures
        self.maxLapses = maxLapses
        self.startBy = startBy
        self.keepResult = keepResult
    }

    /// Whether the enqueue script has to work something out, which it does for those jobs only.
    package var hasTerms: Bool { startBy?.isRelative ?? false }

    /// - Throws: ``StintError`` with code `invalidArgument` for the first option that is out of range.
    package func validate() throws(StintError) {
        func check(_ isRight: Bool, _ option: String, _ range: String) throws(StintError) {
            if !isRight {
                throw .invalidArgument("job options", "\(option) is out of range", advice: "It is \(range).")
            }
        }
        try check((-100...100).contains(priority), "priority \(priority)", "-100 to 100")
        if let lease {
            try check(
                lease >= .milliseconds(100) && lease <= .seconds(86_400 * 7), "lease \(lease)", "100 ms to 7 days")
        }
        if let maxFailures {
            try check((1...1_000_000).contains(maxFailures), "max failures \(maxFailures)", "1 to 1,000,000")
        }
        if let maxLapses { try check((1...1_000_000).contains(maxLapses), "max lapses \(maxLapses)", "1 to 1,000,000") }
        if let startBy {
            try check(startBy.isInRange, "start by \(startBy)", "at most ten years, and before the year 10000")
        }
        if let keepResult {
            try check(
                keepResult >= .seconds(1) && keepResult <= Self.longestKept, "a result kept for \(keepResult)",
                "1 s to 30 days")
        }
    }

    private static let longestKept = Duration.seconds(86_400 * 30)

    /// The header line, with its line end.
    package var encoded: String {
        var options = ""
        if priority != 0 { options += ";p=\(priority)" }
        if let lease { options += ";l=\(lease.wholeMs)" }
        if let maxFailures { options += ";f=\(maxFailures)" }
        if let maxLapses { options += ";x=\(maxLapses)" }
        if let startBy { options += ";b=\(startBy.encoded)" }
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
            self.init(type: type)
            return
        }
        let parts = line.dropFirst().split(separator: ";", omittingEmptySubsequences: false)
        guard let name = parts.first, let type = try? JobType(String(name)) else { throw malformed() }
        self.init(type: type)
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
        case "k": keepResult = number.flatMap { $0 > 0 ? .milliseconds($0) : nil }
        case "b": startBy = Moment(decoding: text); return startBy != nil
        default: return true
        }
        return number != nil
    }
}
