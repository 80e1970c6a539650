/// The defaults of Stint, each right for most and each changeable per node, queue or job.
public enum Defaults {
    /// How long a claim holds a job without a sign of life from its node.
    public static let lease = Duration.seconds(30)
    /// A node extends its leases this many times within one lease.
    public static let heartbeatsPerLease = 3
    /// The nack that reaches this buries the job: with the default back-off after nine hours at most, half of that on average.
    public static let maxFailures = 20
    /// The lapse that reaches this buries the job as poison.
    public static let maxLapses = 3
    /// How long a node that is told to stop waits for running jobs.
    public static let grace = Duration.seconds(25)
    /// How long a handler may take to return after its cancellation, before its job is settled without it.
    public static let cancelGrace = Duration.seconds(3)
    /// 1 MiB. Larger things belong in a store of their own, and their address in the job.
    public static let maxPayloadBytes = 1 << 20
    /// 256 KiB: the result of a job.
    public static let maxResultBytes = 256 << 10
    /// 256 KiB: what a run leaves for the next one.
    public static let maxCheckpointBytes = 256 << 10
    /// How many results of a queue are kept: those that would go next make room.
    public static let keepResults = 10_000
    /// How many bytes they may have together: 64 MiB.
    public static let keepResultBytes = 64 << 20
    /// The longest a lost wake-up can delay a ready job.
    public static let pollInterval = Duration.seconds(5)
    /// The most jobs in one script call; the scripts hold the same bound.
    public static let maxJobsPerCall = 1000
    /// How long, and how many, ids of finished jobs are remembered, so that a repeated enqueue is recognised.
    public static let keepDone = Retention(age: .seconds(600), count: 100_000)
    /// How long, and how many, dead jobs are kept for a redrive.
    public static let keepDead = Retention(age: .seconds(30 * 86_400), count: 100_000)
    /// How long, and how many, cancelled jobs are kept.
    public static let keepCancelled = Retention(age: .seconds(86_400), count: 10_000)

    /// How many steps may be noted of one job, and how many bytes of all that is noted of them.
    package static let maxSteps = 1000
    package static let maxStepBytes = 65_536
}

/// How long finished jobs are kept: whichever bound is reached first.
public struct Retention: Hashable, Sendable {
    public var age: Duration
    public var count: Int

    public init(age: Duration, count: Int) {
        self.age = age
        self.count = count
    }
}
