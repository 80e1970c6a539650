/// Why a handler was cancelled.
package enum CancelCause: Sendable, Equatable {
    /// The lease is over, or could not be confirmed in time: another node may be running the job.
    case leaseLost
    /// Somebody cancelled the job, for this reason.
    case requested(String)
    /// Its run took longer than it may.
    case timedOut(after: Duration)
    /// The node stops and its grace is over.
    case shutdown
}

/// How one run of a job is settled.
package enum Settle: Sendable, Equatable {
    case ack
    /// The lease is believed to be over, but the work is done: said once. The store decides; it accepts while nobody else
    /// has claimed the job, which saves a second run, and refuses otherwise.
    case lateAck
    case retry(after: Duration, maxFailures: Int, reason: String)
    case reject(reason: String)
    case cancel(reason: String)
    case release(after: Duration)
    /// The lease is over and nothing was achieved: the reaper decides.
    case nothing

    /// The one place that turns what a handler did into a settle.
    ///
    /// - Parameters:
    ///   - error: what the handler threw; `nil` = it returned.
    ///   - cause: why it had been cancelled, if it had.
    ///   - random: a uniform draw from 0 ..< 1. Drawn for retries only: it is a system call.
    package static func decide(
        error: (any Error)?, cause: CancelCause?, header: JobHeader, tries: Tries, policy: RetryPolicy,
        random: @autoclosure () -> Double
    ) -> Settle {
        guard let error else { return cause == .leaseLost ? .lateAck : .ack }
        switch cause {
        case .leaseLost: return .nothing
        case .requested(let reason): return .cancel(reason: "cancelled: " + reason)
        case .shutdown: return .release(after: .zero)
        case .timedOut, nil: break
        }
        let maxFailures = header.maxFailures ?? policy.maxFailures
        let policy = header.retry?.policy() ?? policy
        func failure(_ reason: String) -> Settle {
            let delay = policy.delay(afterFailures: tries.failures + 1, random: random())
            return .retry(after: delay, maxFailures: maxFailures, reason: reason)
        }
        // Whatever a handler throws that was cancelled: it had its time.
        if case .timedOut(let limit) = cause { return failure("timed out after \(limit.brief)") }
        guard let outcome = error as? JobOutcome else { return failure(String(describing: error)) }
        switch outcome.kind {
        case .retry(let delay):
            return .retry(after: max(.zero, delay), maxFailures: maxFailures, reason: outcome.reason)
        case .snooze(let delay): return .release(after: max(.zero, delay))
        case .reject: return .reject(reason: outcome.reason)
        }
    }
}
