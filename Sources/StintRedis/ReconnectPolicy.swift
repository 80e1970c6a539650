/// How long to wait before the next attempt to connect: exponential with full jitter, so that a thousand clients that
/// lost one server do not come back together.
package struct ReconnectPolicy: Sendable, Hashable {
    /// Upper bound of the first wait. Defaults to 20 milliseconds.
    package var base: Duration = .milliseconds(20)

    /// What the bound is multiplied by after each failure. Defaults to 2.
    package var factor: Double = 2

    /// The bound never passes this. A connection that lives shorter than this counts as a failed attempt. Defaults to 2
    /// seconds.
    package var cap: Duration = .seconds(2)

    package init() {}

    /// The wait before the next attempt after `failures` in a row. `random` is from 0 to 1, uniform.
    package func delay(afterFailures failures: Int, random: Double) -> Duration {
        var bound = base
        for _ in 1..<max(1, failures) where bound < cap { bound = bound * factor }
        return min(bound, cap) * random
    }
}
