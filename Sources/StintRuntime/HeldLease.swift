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
        var sentAt: ContinuousClock.Instant
        var result = ByteBuffer()
    }

    package let job: ClaimedJob
    package let queue: QueueName
    package let lease: Duration
    let claimedAt: ContinuousClock.Instant
    private let state: Mutex<State>

    /// - Parameter sentAt: the instant just before the claim was sent.
    init(_ job: ClaimedJob, queue: QueueName, lease: Duration, sentAt: ContinuousClock.Instant) {
        self.job = job
        self.queue = queue
        self.lease = lease
        self.claimedAt = sentAt
        self.state = Mutex(State(sentAt: sentAt))
    }

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

    func confirm(sentAt: ContinuousClock.Instant) {
        state.withLock { $0.sentAt = sentAt }
    }

    /// - Returns: false when the job must not be started any more.
    func begin(in slot: Slot) -> Bool {
        // Before the phase says so: a cancel that sees the phase finds the slot with this lease.
        slot.begin(self)
        let isBegun = state.withLock { state in
            guard case .waiting = state.phase, state.cause == nil else { return false }
            if LocalDeadline.of(lease: lease, sentAt: state.sentAt) <= .now {
                // The process slept, or the claim's reply did: this job may be another's already.
                state.cause = .leaseLost
                return false
            }
            state.phase = .running(slot)
            return true
        }
        if !isBegun { slot.end() }
        return isBegun
    }

    /// The handler has returned, or will never be called. From here on a cancel reaches nobody.
    ///
    /// - Returns: why it had been cancelled, if it had.
    @discardableResult
    func finish() -> CancelCause? {
        let (slot, cause): (Slot?, CancelCause?) = state.withLock { state in
            defer { state.phase = .finished }
            if case .running(let slot) = state.phase { return (slot, state.cause) }
            return (nil, state.cause)
        }
        slot?.end()
        return cause
    }

    /// Cancels the handler, or keeps it from being started. The first cause stays.
    ///
    /// - Returns: whether this was the first.
    @discardableResult
    func cancel(_ cause: CancelCause) -> Bool {
        let (isFirst, slot): (Bool, Slot?) = state.withLock { state in
            guard state.cause == nil else { return (false, nil) }
            state.cause = cause
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
