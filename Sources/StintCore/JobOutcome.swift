/// What a handler throws to say how its job goes on. Any other error follows the job's retry policy.
public struct JobOutcome: Error, Sendable, CustomStringConvertible {
    enum Kind: Sendable, Hashable {
        case retry(Duration)
        case snooze(Duration)
        case reject
    }

    let kind: Kind
    let reason: String

    /// A failure: tried again after this time, whatever the policy says; buried when the failures are spent.
    public static func retry(in delay: Duration, reason: String = "the handler asked for a retry") -> JobOutcome {
        JobOutcome(kind: .retry(delay), reason: reason)
    }

    /// Not now: handed back, not before this time; counts neither as an attempt nor as a failure.
    public static func snooze(_ delay: Duration) -> JobOutcome {
        JobOutcome(kind: .snooze(delay), reason: "snoozed")
    }

    /// Never: buried at once, with this reason, whatever is left of its tries.
    public static func reject(reason: String) -> JobOutcome {
        JobOutcome(kind: .reject, reason: reason)
    }

    public var description: String { reason }

    /// False when the job was only put off.
    package var isFailure: Bool {
        if case .snooze = kind { false } else { true }
    }
}
