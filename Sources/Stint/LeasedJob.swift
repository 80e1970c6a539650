public import NIOCore
public import StintCore
public import StintStore

/// A job that a ``StintPuller`` holds.
public struct LeasedJob: Sendable {
    public let id: JobID
    public let queue: QueueName
    /// The fencing token of this run: higher than that of every run before. Give it to what you write to.
    public let token: Token
    /// Who holds it.
    public let consumer: ConsumerID
    /// As it was enqueued; decoded, where the client has a codec.
    public let payload: ByteBuffer
    /// How often it has failed, and how often its lease has run out, before.
    public let failures, lapses: Int
    /// Until when one may believe to hold the job, on the local monotonic clock, with a margin to stop in.
    public let deadline: ContinuousClock.Instant
    /// How long an extension lasts: the job's own lease, or the puller's.
    public let lease: Duration
    package let header: JobHeader

    public var type: JobType { header.type }
    public var priority: Int { header.priority }
    /// Which run of the job this is, from 1.
    public var attempt: Int { failures + lapses + 1 }
    /// The same for every run of this job, and for no other job.
    public var idempotencyKey: String { "\(queue)/\(id)" }
    /// A look at the local clock, right before a side effect: false = the job may be another's by now.
    public var isHeld: Bool { deadline > .now }

    var held: Held { Held(id: id, token: token) }

    init(_ job: ClaimedJob, queue: QueueName, consumer: ConsumerID, lease: Duration, sentAt: ContinuousClock.Instant) {
        (id, self.queue, token, self.consumer) = (job.id, queue, job.token, consumer)
        (payload, header, failures, lapses) = (job.payload, job.header, job.tries.failures, job.tries.lapses)
        self.lease = job.header.lease ?? lease
        deadline = LocalDeadline.of(lease: self.lease, sentAt: sentAt)
    }

    private init(_ job: LeasedJob, deadline: ContinuousClock.Instant) {
        (id, queue, token, consumer) = (job.id, job.queue, job.token, job.consumer)
        (payload, header, failures, lapses, lease) = (job.payload, job.header, job.failures, job.lapses, job.lease)
        self.deadline = deadline
    }

    func extended(sentAt: ContinuousClock.Instant) -> LeasedJob {
        LeasedJob(self, deadline: LocalDeadline.of(lease: lease, sentAt: sentAt))
    }
}

/// What became of an extension.
public enum ExtendAnswer: Sendable {
    /// The same job with its new deadline. `cancelReason`: somebody wants it cancelled; stop the work, then ``StintPuller/cancel(_:reason:)``.
    case extended(LeasedJob, cancelReason: String?)
    /// The job is not held any more: stop the work, and settle nothing.
    case refused(Refusal)
}
