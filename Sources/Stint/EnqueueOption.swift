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

    /// The failure that reaches this buries the job. Default: that of its handler's retry policy.
    public static func maxFailures(_ count: Int) -> EnqueueOption {
        EnqueueOption { $0.header.maxFailures = count }
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

    /// The job's own lease. Default: the node's.
    public static func lease(_ lease: Duration) -> EnqueueOption {
        EnqueueOption { $0.header.lease = lease }
    }
}

extension NewJob {
    init(type: JobType, payload: ByteBuffer, _ options: [EnqueueOption], mint: () -> JobID) throws(StintError) {
        self.init(id: mint(), isFresh: true, header: JobHeader(type: type), payload: payload)
        for option in options { option.apply(&self) }
        try validate()
    }

    /// - Throws: ``StintError`` with code `invalidArgument` or `payloadTooLarge`.
    package func validate() throws(StintError) {
        try header.validate()
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
    }
}
