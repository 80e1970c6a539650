public import StintCore

/// Why a job is not running now, or that it is. Computed from what the store says, and nothing besides.
///
/// More reasons may be added: always have a default.
public enum Explanation: Sendable, Hashable {
    /// No job of this id is known: it was never enqueued, or its end was so long ago that the id was forgotten.
    case unknown
    case done
    /// Buried. `reason` is what was said at the last attempt, or instead of one.
    case dead(sinceMs: Int64, reason: String, failures: Int, lapses: Int)
    case cancelled(sinceMs: Int64, reason: String)
    /// Its time has not come: enqueued for later, or handed back until then.
    case notDue(dueMs: Int64, in: Duration)
    /// It waits for another try. `maxFailures` is the job's own limit; `nil` = that of its handler.
    case waitsForRetry(dueMs: Int64, in: Duration, failures: Int, maxFailures: Int?, lastError: String)
    /// It may run, and its queue is paused.
    case paused
    /// It may run, and no node that claims from its queue has said in the last 35 s that it lives. So many have been silent for longer,
    /// and so many live and are told to claim nothing more.
    case noNode(silent: Int, quiet: Int)
    /// It may run, and every one of the live nodes of its queue has said which types it knows: this one is not among them.
    case unknownType(JobType, nodes: Int)
    /// It may run, and so many jobs come before it. `perSecond`: claims from this queue, measured over the last second.
    case behind(ahead: Int, perSecond: Double)
    /// It may run, and its queue has no order: each claim draws from the ready jobs, and so many others are ready.
    case drawn(others: Int, perSecond: Double)
    /// It was to be started before this time and was not: it will not run, and the next claim that comes to it buries it.
    case expired(startByMs: Int64)
    /// It may run, and all slots of the live nodes of its queue were in use when they said so last.
    case noSlot(nodes: Int, slots: Int, ahead: Int)
    /// Nothing is before it, and a node has a free slot: it will be claimed at once.
    case next
    /// It is running. `cancelReason`: somebody wants it cancelled.
    case running(consumer: ConsumerID?, sinceMs: Int64, deadlineMs: Int64, cancelReason: String?)
    /// A node holds it whose heartbeat is late: the lease ran out so long ago, and nobody has taken the job back yet.
    case heartbeatLate(consumer: ConsumerID?, sinceMs: Int64, overdue: Duration)

    /// One word for the reason, as `--json` prints it.
    public var code: String {
        switch self {
        case .unknown: "unknown"
        case .done: "done"
        case .dead: "dead"
        case .cancelled: "cancelled"
        case .notDue: "not_due"
        case .waitsForRetry: "waits_for_retry"
        case .paused: "paused"
        case .noNode: "no_node"
        case .unknownType: "unknown_type"
        case .behind: "behind"
        case .drawn: "drawn"
        case .expired: "expired"
        case .noSlot: "no_slot"
        case .next: "next"
        case .running: "running"
        case .heartbeatLate: "heartbeat_late"
        }
    }
}

extension Explanation: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .unknown:
            "no job of this id is known: it was never enqueued here, or it ended and was forgotten (done ones after about 10 minutes)"
        case .done: "it is done"
        case .dead(_, let reason, let failures, let lapses):
            "it is dead after \(Self.count(failures, "failure")) and \(Self.count(lapses, "lapse")): \(reason)"
        case .cancelled(_, let reason): "it was cancelled" + (reason.isEmpty ? "" : ": \(reason)")
        case .notDue(_, let wait):
            "it is due in \(Self.about(wait)): it was enqueued for then, or handed back until then"
        case .waitsForRetry(_, let wait, let failures, let maxFailures, let error):
            "it is due in \(Self.about(wait)): it has failed \(Self.count(failures, "time"))"
                + (maxFailures.map { " of \($0) at most" } ?? "") + ", the last time with: \(error)"
        case .paused: "its queue is paused"
        case .noNode(let silent, let quiet): "no live node claims from its queue" + Self.absent(silent, quiet)
        case .unknownType(let type, let nodes):
            "\(nodes == 1 ? "the only live node" : "none of the \(nodes) live nodes") of its queue "
                + (nodes == 1 ? "does not know" : "knows") + " jobs of type \(type)"
        case .behind(let ahead, let perSecond): Self.line(ahead, perSecond)
        case .drawn(let others, let perSecond):
            "its queue has no order: each claim draws from it and \(Self.count(others, "other")), and "
                + (perSecond > 0 ? "\(Int(perSecond.rounded(.up)))" : "nothing")
                + " was claimed in the last second"
        case .expired: "it was to be started before now: it will not run, and the next claim that comes to it buries it"
        case .noSlot(let nodes, let slots, let ahead):
            "all \(Self.count(slots, "slot")) of the \(Self.count(nodes, "live node")) of its queue are in use"
                + (ahead > 0 ? ", and \(ahead) come before it" : "")
        case .next: "nothing is before it, and a node has a free slot: it will be claimed at once"
        case .running(let consumer, _, _, let reason):
            "it is running on \(Self.name(consumer))" + (reason.map { "; somebody wants it cancelled: \($0)" } ?? "")
        case .heartbeatLate(let consumer, _, let overdue):
            "\(Self.name(consumer)) holds it, and its heartbeat is late: the lease ran out \(Self.about(overdue)) ago, and no node "
                + "has taken the job back yet"
        }
    }

    private static func line(_ ahead: Int, _ perSecond: Double) -> String {
        let place = "\(ahead) come before it"
        guard perSecond > 0 else { return place + ", and nothing was claimed from its queue in the last second" }
        return place + ": at the present rate of \(Int(perSecond.rounded(.up))) in a second, about "
            + about(.milliseconds(Int64((Double(ahead) / perSecond * 1000).rounded(.up))))
    }

    private static func absent(_ silent: Int, _ quiet: Int) -> String {
        let parts = [
            silent > 0 ? "\(count(silent, "node")) not heard of for 35 s" : "",
            quiet > 0 ? "\(count(quiet, "node")) told to claim nothing more" : "",
        ].filter { !$0.isEmpty }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    private static func name(_ consumer: ConsumerID?) -> String { consumer?.description ?? "a node" }
    private static func count(_ count: Int, _ word: String) -> String { "\(count) \(word)" + (count == 1 ? "" : "s") }

    private static func about(_ duration: Duration) -> String {
        let seconds = max(0, duration.inSeconds)
        return switch seconds {
        case ..<1: "\(Int((seconds * 1000).rounded(.up))) ms"
        case ..<120: "\(Int(seconds.rounded())) s"
        case ..<7200: "\(Int((seconds / 60).rounded())) min"
        case ..<172_800: "\(Int((seconds / 3600).rounded())) h"
        default: "\(Int((seconds / 86_400).rounded())) d"
        }
    }
}
