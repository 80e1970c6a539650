internal import NIOCore

/// When to connect and when to rest, as a value. It knows no channel, no clock and no dice: times and random numbers
/// come in.
///
///     resting -> connecting -> up -> backingOff -> connecting ...
struct LinkStateMachine {
    enum State: Hashable {
        /// Nobody needs a connection.
        case resting
        case connecting
        case up(since: NIODeadline)
        case backingOff
        case closed
    }

    /// What to do when a connection is gone or could not be made.
    enum Next: Hashable {
        case retry(after: Duration)
        case rest
    }

    struct Outage: Hashable {
        var duration: Duration
        var attempts: Int
    }

    private(set) var state = State.resting
    private(set) var hasBeenUp = false
    private let policy: ReconnectPolicy
    private var failures = 0
    private var outage: (since: NIODeadline, attempts: Int)?

    init(policy: ReconnectPolicy) {
        self.policy = policy
    }

    /// Somebody needs a connection. True when the caller has to start making one.
    mutating func demand() -> Bool {
        switch state {
        case .resting:
            state = .connecting
            return true
        case .connecting, .up, .backingOff, .closed:
            return false
        }
    }

    /// The back-off is over. True when the caller has to start making a connection.
    mutating func retryDue() -> Bool {
        guard state == .backingOff else { return false }
        state = .connecting
        return true
    }

    /// A connection is ready. Returns the outage that this ends.
    mutating func ready(_ now: NIODeadline) -> Outage? {
        guard state == .connecting else {
            preconditionFailure("a link comes up from connecting, and this one is \(state)")
        }
        state = .up(since: now)
        hasBeenUp = true
        defer { outage = nil }
        return outage.map { Outage(duration: .nanoseconds((now - $0.since).nanoseconds), attempts: $0.attempts + 1) }
    }

    /// A connection is gone or could not be made. `wanted`: somebody needs one. `expected`: we closed it ourselves,
    /// with a reason that is no outage. `began` is true once for each outage.
    mutating func down(_ now: NIODeadline, wanted: Bool, expected: Bool, random: Double) -> (next: Next, began: Bool) {
        switch state {
        case .closed:
            return (.rest, false)
        case .resting, .backingOff:
            preconditionFailure("a link goes down from connecting or up, and this one is \(state)")
        case .connecting:
            failures += 1
            outage?.attempts += 1
        case .up(let since):
            // Lost at once every time is as bad as not reached: only a connection that lasted clears the count.
            if now - since >= TimeAmount(policy.cap) { failures = 0 }
            if !expected { failures += 1 }
        }
        var began = false
        if outage == nil && !expected {
            outage = (now, state == .connecting ? 1 : 0)
            began = true
        }
        guard wanted else {
            state = .resting
            outage = nil
            return (.rest, began)
        }
        state = .backingOff
        return (.retry(after: policy.delay(afterFailures: failures, random: random)), began)
    }

    /// False when it was closed already.
    mutating func close() -> Bool {
        defer { state = .closed }
        return state != .closed
    }
}
