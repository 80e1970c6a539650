import NIOCore
package import StintCore
package import StintStore
import Synchronization

/// One job that this node holds, from its claim until its settle has reached Redis.
package final class HeldLease: Sendable {
    enum Phase {
        case waiting
        case running(Slot)
        case finished
    }

    private struct State {
        var phase = Phase.waiting
        var cause: CancelCause?
        var cancelledAt: ContinuousClock.Instant?
        var sentAt: ContinuousClock.Instant
        var result = ByteBuffer()
        var timeLimit: TimeLimit?
    }

    /// How long a run may take.
    struct TimeLimit {
        let length: Duration
        let endsAt: ContinuousClock.Instant
    }

    /// What the clock may have to say of a job that has not come to its end.
    struct Outlook {
        /// Until when the lease may be believed in; `nil` = it is over.
        let deadline: ContinuousClock.Instant?
        /// When its run has had its time; `nil` = it may take as long as it wants, or was cancelled already.
        let timeLimit: TimeLimit?
        /// When it was cancelled although its lease is not over; `nil` = it was not.
        let cancelledAt: ContinuousClock.Instant?
    }

    package let job: ClaimedJob
    package let queue: QueueName
    package let lease: Duration
    let claimedAt: ContinuousClock.Instant
    private let time: ManualTime?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - sentAt: the instant just before the claim was sent.
    ///   - time: `nil` = that of the system.
    init(
        _ job: ClaimedJob, queue: QueueName, lease: Duration, sentAt: ContinuousClock.Instant, time: ManualTime? = nil
    ) {
        self.job = job
        self.queue = queue
        self.lease = lease
        self.claimedAt = sentAt
        self.time = time
        self.state = Mutex(State(sentAt: sentAt))
    }

    var now: ContinuousClock.Instant { time?.now ?? .now }

    var held: Held { Held(id: job.id, token: job.token) }

    /// When the last confirmed claim or extension was sent.
    var sentAt: ContinuousClock.Instant { state.withLock { $0.sentAt } }

    /// Until when the node may believe that it holds the lease.
    package var deadline: ContinuousClock.Instant { LocalDeadline.of(lease: lease, sentAt: sentAt) }

    package var cause: CancelCause? { state.withLock { $0.cause } }

    var isFinished: Bool {
        state.withLock { if case .finished = $0.phase { true } else { false } }
    }

    /// Held, as far as this node knows, and its job not at its end yet.
    var isRunning: Bool {
        state.withLock { state in
            if case .finished = state.phase { false } else { state.cause != .leaseLost }
        }
    }

    /// What the job has to show for it.
    var result: ByteBuffer { state.withLock { $0.result } }
    func setResult(_ result: ByteBuffer) { state.withLock { $0.result = result } }

    /// `nil` = its handler has returned, or will never be called.
    var outlook: Outlook? {
        state.withLock { state in
            if case .finished = state.phase { return nil }
            let isLost = state.cause == .leaseLost
            var isBegun = false
            if case .running = state.phase { isBegun = true }
            return Outlook(
                deadline: isLost ? nil : LocalDeadline.of(lease: lease, sentAt: state.sentAt),
                timeLimit: state.cause == nil ? state.timeLimit : nil,
                cancelledAt: isBegun && !isLost ? state.cancelledAt : nil)
        }
    }

    func confirm(sentAt: ContinuousClock.Instant) {
        state.withLock { $0.sentAt = max($0.sentAt, sentAt) }
    }

    /// - Parameter timeout: how long the run may take.
    /// - Returns: false when the job must not be started any more.
    func begin(in slot: Slot, timeout: Duration? = nil) -> Bool {
        // Before the phase says so: a cancel that sees the phase finds the slot with this lease.
        slot.begin(self)
        let isBegun = state.withLock { state in
            guard case .waiting = state.phase, state.cause == nil else { return false }
            if LocalDeadline.of(lease: lease, sentAt: state.sentAt) <= now {
                // The process slept, or the claim's reply did: this job may be another's already.
                state.cause = .leaseLost
                return false
            }
            state.phase = .running(slot)
            state.timeLimit = timeout.map { TimeLimit(length: $0, endsAt: now.advanced(by: $0)) }
            return true
        }
        if !isBegun { slot.end() }
        return isBegun
    }

    /// The handler has returned, or will never be called. From here on a cancel reaches nobody.
    ///
    /// - Returns: why it had been cancelled, if it had; and whether this is its end: false = it was given up before, and has
    ///   been settled.
    @discardableResult
    func finish() -> (cause: CancelCause?, isEnd: Bool) {
        let (slot, cause, isEnd): (Slot?, CancelCause?, Bool) = state.withLock { state in
            defer { state.phase = .finished }
            switch state.phase {
            case .running(let slot): return (slot, state.cause, true)
            case .waiting: return (nil, state.cause, true)
            case .finished: return (nil, state.cause, false)
            }
        }
        slot?.end()
        return (cause, isEnd)
    }

    /// Gives up on a handler that runs on in spite of its cancellation.
    ///
    /// - Returns: the slot that it keeps, and why it had been cancelled; `nil` = it has returned meanwhile.
    func abandon() -> (slot: Slot, cause: CancelCause)? {
        let found: (Slot, CancelCause)? = state.withLock { state in
            guard case .running(let slot) = state.phase, let cause = state.cause else { return nil }
            state.phase = .finished
            return (slot, cause)
        }
        found?.0.end()
        return found
    }

    /// Cancels the handler, or keeps it from being started. The first cause stays.
    ///
    /// - Returns: whether this was the first.
    @discardableResult
    func cancel(_ cause: CancelCause) -> Bool {
        let (isFirst, slot): (Bool, Slot?) = state.withLock { state in
            guard state.cause == nil else { return (false, nil) }
            (state.cause, state.cancelledAt) = (cause, now)
            if case .running(let slot) = state.phase { return (true, slot) }
            return (true, nil)
        }
        // Not under the lock: this runs the user's cancellation handlers, which may ask for this lease's deadline.
        slot?.cancel(self)
        return isFirst
    }
}

/// All leases that this node holds. What the heartbeat extends.
final class LeaseTable: Sendable {
    private let leases = Mutex<[ObjectIdentifier: HeldLease]>([:])

    var count: Int { leases.withLock { $0.count } }
    var isEmpty: Bool { leases.withLock { $0.isEmpty } }
    var all: [HeldLease] { leases.withLock { Array($0.values) } }

    func insert(_ new: [HeldLease]) {
        leases.withLock { leases in
            for lease in new { leases[ObjectIdentifier(lease)] = lease }
        }
    }

    func remove(_ old: [HeldLease]) {
        leases.withLock { leases in
            for lease in old { leases[ObjectIdentifier(lease)] = nil }
        }
    }
}
