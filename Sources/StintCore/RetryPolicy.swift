/// When a job that failed is tried again.
public struct RetryPolicy: Sendable {
    /// The failure that reaches this buries the job. Default ``Defaults/maxFailures``.
    public var maxFailures: Int
    private let delay: @Sendable (_ failures: Int, _ random: Double) -> Duration

    /// After base × factor^(failures - 1), at most `cap`, with full jitter: a uniform draw between zero and that, which
    /// spreads the retries of jobs that failed together best.
    /// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    public static func exponential(
        base: Duration = .seconds(2), factor: Double = 2, cap: Duration = .seconds(3600),
        maxFailures: Int = Defaults.maxFailures
    ) -> RetryPolicy {
        RetryPolicy(maxFailures: maxFailures) { failures, random in
            let grown = base > .zero ? base.inSeconds * pow(factor, failures) : 0
            // The last bound is what an Int64 of milliseconds holds, and more than anybody waits.
            let ceiling = max(0, min(cap.inSeconds, grown, 1e12))
            return .milliseconds(Int64((ceiling * random * 1000).rounded()))
        }
    }

    /// Always after the same time, without jitter.
    public static func fixed(_ delay: Duration, maxFailures: Int = Defaults.maxFailures) -> RetryPolicy {
        RetryPolicy(maxFailures: maxFailures) { _, _ in delay }
    }

    /// After the first, second, … delay; the last one again and again.
    public static func list(_ delays: [Duration], maxFailures: Int = Defaults.maxFailures) -> RetryPolicy {
        RetryPolicy(maxFailures: maxFailures) { failures, _ in
            delays.isEmpty ? .zero : delays[min(failures, delays.count) - 1]
        }
    }

    /// The first failure buries the job.
    public static let never = RetryPolicy(maxFailures: 1) { _, _ in .zero }

    /// The default: ``exponential(base:factor:cap:maxFailures:)``.
    public static let standard = exponential()

    /// - Parameter delay: from the number of failures, the present one included, and a uniform draw from 0 ..< 1.
    public init(
        maxFailures: Int = Defaults.maxFailures,
        delay: @escaping @Sendable (_ failures: Int, _ random: Double) -> Duration
    ) {
        self.maxFailures = maxFailures
        self.delay = delay
    }

    /// - Parameter failures: how often the job has failed, this time included: 1 or more.
    public func delay(afterFailures failures: Int, random: Double) -> Duration {
        max(.zero, delay(max(1, failures), random))
    }

    /// factor^(failures - 1) × … without overflow: beyond any cap it is infinite, which `min` cuts.
    private static func pow(_ factor: Double, _ failures: Int) -> Double {
        var result = 1.0
        for _ in 1..<max(1, min(failures, 1100)) {
            result *= factor
            if result > 1e15 { return .infinity }
        }
        return result
    }
}
