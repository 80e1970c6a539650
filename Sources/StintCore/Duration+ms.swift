extension Duration {
    /// Whole milliseconds, rounded up, so that nothing happens sooner than was asked for. At most 2^53 - 1 either way, which
    /// scripts hold exactly: some 285,000 years.
    package var wholeMs: Int64 {
        let (seconds, attoseconds) = components
        let msAttoseconds: Int64 = 1_000_000_000_000_000
        let limit: Int64 = 1 << 53 - 1
        guard seconds.magnitude < limit / 1000 else { return seconds < 0 ? -limit : limit }
        return seconds * 1000 + (attoseconds + (attoseconds > 0 ? msAttoseconds - 1 : 0)) / msAttoseconds
    }

    /// Rounded towards zero; the largest number there is for what is longer than 292 years.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole + attoseconds / 1_000_000_000
    }

    /// For people: `250 ms`, `5 s`, `1.5 s`.
    package var brief: String {
        let ms = wholeMs
        if ms < 1000 { return "\(ms) ms" }
        return ms % 1000 == 0 ? "\(ms / 1000) s" : "\(Double(ms) / 1000) s"
    }

    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// Reads durations as people write them: `250ms`, `30s`, `5m`, `1h30m`, `2d`. A bare number is not one.
    ///
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(parsing text: String) throws(StintError) {
        let refusal = StintError.invalidArgument(
            "duration", "\(Name.quoted(text)) is not a duration", advice: "Write it as 250ms, 30s, 5m, 1h30m or 2d."
        )
        var total = Duration.zero
        var rest = Substring(text)
        guard !rest.isEmpty else { throw refusal }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(digits), let unit = Self.unitSeconds[String(unit)], value * unit < 1e12 else {
                throw refusal
            }
            total += .microseconds(Int64((value * unit * 1e6).rounded()))
        }
        self = total
    }

    private static let unitSeconds: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400]
}
