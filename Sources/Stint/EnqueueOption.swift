public import Foundation
import NIOCore
public import StintCore
package import StintStore

/// How a job is enqueued. Written with a leading dot: `.in(.seconds(30)), .priority(5)`.
public struct EnqueueOption: Sendable {
    /// Makes no sense for more than one job.
    var isForOne = false
    let apply: @Sendable (inout NewJob) -> Void

    /// Due after this time. Default: now.
    public static func `in`(_ delay: Duration) -> EnqueueOption {
        EnqueueOption { $0.due = delay > .zero ? .after(delay) : .now }
    }

    /// Due at this time, by the Redis server's clock.
    public static func at(_ date: Date) -> EnqueueOption {
        EnqueueOption { $0.due = .at(ms: Int64((date.timeIntervalSince1970 * 1000).rounded(.up))) }
    }

    /// Higher runs sooner. -100 to 100, default 0.
    public static func priority(_ priority: Int) -> EnqueueOption {
        EnqueueOption { $0.header.priority = priority }
    }

    /// The job's own id instead of a minted one: the same id is accepted once, also for a while after the job is done.
    public static func id(_ id: JobID) -> EnqueueOption {
        EnqueueOption(isForOne: true) { ($0.id, $0.isFresh, $0.isMinted) = (id, false, false) }
    }

    /// At most one job of the queue has this key at a time; it is freed when the job ends, in any way.
    ///
    /// - Parameters:
    ///   - key: 1 to 256 bytes of text without control characters.
    ///   - until: `.untilDone`, `.untilStarted`, or `.time(…)`.
    ///   - conflict: what becomes of this enqueue when another job has the key.
    public static func unique(
        _ key: String, until: UniqueSpan = .untilDone, onConflict conflict: UniqueConflict = .reject
    )
        -> EnqueueOption
    {
        EnqueueOption(isForOne: true) { $0.makeUnique(Unique(key, conflict: conflict), until) }
    }

    /// At most one job of the queue is enqueued with this key in this time, also when it is done sooner.
    public static func unique(_ key: String, for time: Duration, onConflict conflict: UniqueConflict = .reject)
        -> EnqueueOption
    {
        .unique(key, until: .time(time), onConflict: conflict)
    }

    /// The failure that reaches this buries the job. Default: that of its handler's retry policy.
    public static func maxFailures(_ count: Int) -> EnqueueOption {
        EnqueueOption { $0.header.maxFailures = count }
    }

    /// When the job is tried again after a failure. Default: what its handler's retry policy says. How often is not its
    /// business: see ``maxFailures(_:)``.
    public static func retry(_ plan: RetryPlan) -> EnqueueOption {
        EnqueueOption { $0.header.retry = plan }
    }

    /// For how long after the enqueue a failed job is tried again: a retry that would be due later buries it instead. Default: only
    /// the number of failures bounds them. Lapses are not concerned.
    public static func retryFor(_ window: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.retryUntil = .after(window) }
    }

    /// The lapse that reaches this buries the job. Default ``Defaults/maxLapses``.
    public static func maxLapses(_ count: Int) -> EnqueueOption {
        EnqueueOption { $0.header.maxLapses = count }
    }

    /// Never started later than this after the enqueue: then the job is dead, with that reason. Default: whenever its turn comes.
    public static func startBy(_ delay: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.startBy = .after(delay) }
    }

    /// Never started after this time of the Redis server's clock: then the job is dead, with that reason.
    public static func startBy(_ date: Date) -> EnqueueOption {
        EnqueueOption { $0.header.startBy = .at(ms: Int64((date.timeIntervalSince1970 * 1000).rounded(.down))) }
    }

    /// Keeps the job's result for this long after it is done, at least 1 s and at most 30 days: see ``ResultJob``. More than
    /// ``Defaults/keepResults`` results of a queue, or ``Defaults/keepResultBytes``, are not kept. Default: none is.
    public static func keepResult(for time: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.keepResult = time }
    }

    /// In a queue ordered by deadlines: the earliest runs first. This long after the enqueue. Default: after all that have one.
    public static func deadline(_ delay: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.deadline = .after(delay) }
    }

    /// In a queue ordered by deadlines: the earliest runs first. A time of the Redis server's clock.
    public static func deadline(_ date: Date) -> EnqueueOption {
        EnqueueOption { $0.header.deadline = .at(ms: Int64((date.timeIntervalSince1970 * 1000).rounded(.down))) }
    }

    /// How long the job is thought to take: a queue that runs the shortest first goes by it. 1 ms to ten years. Default: what
    /// nodes have learned of its type, ``StintClient/estimates(of:)``.
    public static func estimate(_ duration: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.estimate = duration }
    }

    /// The job's own lease. Default: that of its type, else the node's.
    public static func lease(_ lease: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.lease = lease }
    }

    /// How long one run may take: then its handler is cancelled, and the run counts as a failure. Default: that of its handler,
    /// else for ever.
    public static func timeout(_ timeout: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.timeout = timeout }
    }

    /// Marks the job: its payload is not shown by the command line and not quoted in reasons and logs, unless somebody asks
    /// for it. Default ``JobPayload/isSensitive``. It is no encryption: that is a ``PayloadCodec``.
    public static var sensitive: EnqueueOption {
        EnqueueOption { $0.header.isSensitive = true }
    }
}

extension NewJob {
    init<J: JobPayload>(_ type: JobType, _ job: J, _ options: [EnqueueOption], mint: () -> JobID) throws(StintError) {
        let options = J.isSensitive ? [.sensitive] + options : options
        try self.init(type: type, payload: Payload.encode(job), lease: J.lease, options, mint: mint)
    }

    init(
        type: JobType, payload: ByteBuffer, lease: Duration? = nil, _ options: [EnqueueOption], mint: () -> JobID
    ) throws(StintError) {
        self.init(id: mint(), isFresh: true, header: JobHeader(type: type, lease: lease), payload: payload)
        for option in options { option.apply(&self) }
        try validate()
    }

    /// - Throws: ``StintError`` with code `invalidArgument` or `payloadTooLarge`.
    package func validate() throws(StintError) {
        try header.validate()
        try unique?.validate()
        if payload.readableBytes > Defaults.maxPayloadBytes {
            throw StintError(
                .payloadTooLarge, "enqueue",
                "the payload has \(payload.readableBytes) bytes, the limit is \(Defaults.maxPayloadBytes)",
                advice: "Keep large data in a store of its own, and its address in the job."
            )
        }
        // Far enough for everybody, and far below what the scripts can reckon with.
        if case .at(let ms) = due, ms > 253_402_300_799_999 {
            throw StintError(
                .invalidArgument, "enqueue", "a due time of \(ms) ms since 1970 is out of range",
                advice: "It is in the year 9999 at most.")
        }
        if case .after(let delay) = due, delay > .seconds(86_400 * 3660) {
            throw StintError(
                .invalidArgument, "enqueue", "a delay of \(delay) is out of range", advice: "It is at most ten years.")
        }
        if isLateForStart {
            throw StintError(
                .invalidArgument, "enqueue", "the job would be due after the time by which it has to be started",
                advice: "It would expire without a run. Make it due sooner, or start-by later.")
        }
    }

    /// As far as it can be told without the server's clock.
    private var isLateForStart: Bool {
        switch (due, header.startBy) {
        case (.after(let delay), .after(let limit)?): delay > limit
        case (.at(let ms), .at(let limit)?): ms > limit
        default: false
        }
    }
}
