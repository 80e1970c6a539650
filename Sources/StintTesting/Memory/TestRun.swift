public import Stint
import StintRuntime
import StintStore

/// One run of a job, and how it ended.
public struct TestRun: Sendable {
    public enum End: Hashable, Sendable {
        /// The handler returned.
        case done
        /// The handler threw: the job is tried again after this time.
        case failed(retryIn: Duration)
        /// Buried: rejected, or its failures are spent.
        case dead
        /// Somebody had cancelled the job, and the handler threw.
        case cancelled
        /// Handed back for this long, and not counted as an attempt: snoozed, or the task of the drain was cancelled.
        case released(after: Duration)
        /// There is no handler for this type of job: it was handed back for nodes that have one.
        case unhandled
        /// The lease was over by the time of the settle: another run has the job, or will have it. What this one did was done,
        /// and will be done again.
        case refused
        /// Nothing was settled, because the node died, is frozen, or had lost its lease: the job runs again when the lease is
        /// over.
        case lost
    }

    public let id: JobID
    public let queue: QueueName
    public let type: JobType
    /// Which run of the job it was, from 1.
    public let attempt: Int
    public let end: End
    /// What the store keeps as the reason, as far as there is one: the error of a handler that threw.
    public let reason: String
}

extension TestRun {
    init(_ job: ClaimedJob, on queue: QueueName, _ end: End, reason: String = "") {
        self.init(
            id: job.id, queue: queue, type: job.header.type, attempt: job.tries.attempt, end: end, reason: reason)
    }
}
