/// Until when a node may believe that it holds a lease, on its own monotonic clock.
///
/// Redis counts the lease from when it ran the claim; the node from **before** it sent it, so that its count is always the
/// earlier one. The margin covers what lies between the decision to stop and the handler's stopping.
public enum LocalDeadline {
    /// A tenth of the lease, at least 50 ms, at most 2 s.
    public static func margin(lease: Duration) -> Duration {
        min(.seconds(2), max(.milliseconds(50), lease / 10))
    }

    /// - Parameter sentAt: the instant just before the claim or the extension was sent.
    public static func of(lease: Duration, sentAt: ContinuousClock.Instant) -> ContinuousClock.Instant {
        sentAt.advanced(by: lease - margin(lease: lease))
    }
}

/// Notices when the server's wall clock jumps forward, which would let all leases of the cluster lapse at once: the reaper
/// then waits for one lease, so that live nodes can extend theirs.
public struct ClockJumpGuard: Sendable {
    private var last: (serverMs: Int64, at: ContinuousClock.Instant)?

    public init() {}

    /// Whether the server's clock went forward by more than twice the time that passed here, plus five seconds.
    public mutating func jumped(serverMs: Int64, at now: ContinuousClock.Instant) -> Bool {
        defer { last = (serverMs, now) }
        guard let last else { return false }
        return .milliseconds(serverMs - last.serverMs) > (now - last.at) * 2 + .seconds(5)
    }
}
