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

    func confirm(sentAt: ContinuousClock.Instant) {
        state.withLock { $0.sentAt = sentAt }
    }

    /// - Returns: false when the job must not be started any more.
    func begin(in slot: Slot) -> Bool {
        state.withLock { state in
            guard case .waiting = state.phase, state.cause == nil else { return false }
            state.phase = .running(slot)
            return true
        }
    }

    /// The handler has returned. From here on a cancel reaches nobody.
    ///
    /// - Returns: why it had been cancelled, if it had.
    func finish() -> CancelCause? {
        state.withLock { state in
            state.phase = .finished
            return state.cause
        }
    }

    /// Cancels the handler, or keeps it from being started. The first cause stays.
    ///
    /// - Returns: whether this was the first.
    @discardableResult
    func cancel(_ cause: CancelCause) -> Bool {
        state.withLock { state in
            guard state.cause == nil else { return false }
            state.cause = cause
            // Under the lock, so that the slot cannot have gone on to another job.
            if case .running(let slot) = state.phase { slot.cancel() }
            return true
        }
    }
}

/// All leases that this node holds. What the heartbeat extends.
final class LeaseTable: Sendable {
    private let leases = Mutex<[ObjectIdentifier: HeldLease]>([:])

    var count: Int { leases.withLock { $0.count } }
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
