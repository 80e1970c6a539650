/// All that is known of one row when it is over.
package struct Evidence: Sendable {
    /// Where the store has a job at the end, by id. Ids that it does not know are not in it.
    package var store: [String: String]
    package var events: [Event]
    /// What `stint fsck` complained of; `nil` = it was not asked.
    package var complaints: [String]?

    package init(events: [Event], store: [String: String], complaints: [String]? = nil) {
        self.events = events.sorted { $0.mono < $1.mono }
        self.store = store
        self.complaints = complaints
    }
}

/// What a row promises beyond what every row does.
package struct Promise: Sendable {
    package enum Loss: Sendable {
        case none
        /// Jobs that were accepted at most this long before the server was killed.
        case window(seconds: Double)
        /// Counted and not judged.
        case reported
    }

    package enum Duplicates: Sendable {
        case none
        /// Each second run must have its reason in the histories.
        case explained
    }

    package var loss = Loss.none
    package var duplicates = Duplicates.explained
    /// The server may have forgotten what it confirmed: acks and claims too, so that a second run needs no other reason.
    package var serverMayForget = false
    /// Nobody is left to run what is not done: only whether it is still there counts.
    package var mayBeUnfinished = false
    /// At most, from a fault until the jobs that it struck go on elsewhere.
    package var recovery: Duration?
    /// What the fault must have brought about: a row that struck nothing proves nothing.
    package var leastLapses = 0
    package var leastRefusals = 0
    package var leastLost = 0

    package init() {}

    package static func with(_ change: (inout Promise) -> Void) -> Promise {
        var promise = Promise()
        change(&promise)
        return promise
    }
}

/// The checks of a row, by the names of the fault matrix.
package enum Check: String, Sendable, CaseIterable, Codable {
    case c0 = "C0", c1 = "C1", c2 = "C2", c3 = "C3", c4 = "C4", c5 = "C5", c6 = "C6", c7 = "C7", c8 = "C8", c9 = "C9",
        c10 = "C10"

    package var meaning: String {
        switch self {
        case .c0: "the fault has struck something"
        case .c1: "no accepted job is lost"
        case .c2: "no job comes from nowhere"
        case .c3: "no settle is accepted for a stale token, no job is acked twice"
        case .c4: "no job is claimed before it is due"
        case .c5: "runs of a job overlap only where a lease had ended"
        case .c6: "attempts are what was claimed and not released"
        case .c7: "the store is in order"
        case .c8: "what a fault struck goes on in time"
        case .c9: "every second run has its reason"
        case .c10: "processes end as documented"
        }
    }
}

/// Jepsen's figures of a total queue, and what is wrong.
package struct Verdict: Sendable, Codable {
    package struct Violation: Sendable, Codable, CustomStringConvertible {
        package let check: Check
        package let text: String

        package var description: String { "\(check.rawValue) \(text)" }
    }

    package var attempted = 0
    package var acknowledged = 0
    /// Accepted jobs that were done.
    package var ok = 0
    /// Accepted jobs that are in a state that is no end, or dead or cancelled.
    package var kept = 0
    package var lost = 0
    /// Runs beyond the first of a job, other than retries of a run that failed.
    package var duplicated = 0
    package var unexplained = 0
    /// Jobs whose enqueue had no answer, and which were there all the same.
    package var recovered = 0
    package var lapsed = 0
    /// Settles that the store refused, those of zombies above all.
    package var refused = 0
    /// The longest time from a fault until a job that it struck was claimed elsewhere, seconds.
    package var recoverySeconds: Double?
    package var violations: [Violation] = []

    package init() {}

    package var isGood: Bool { violations.isEmpty }

    mutating func add(_ check: Check, _ text: String) { violations.append(Violation(check: check, text: text)) }
}
