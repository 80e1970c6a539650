package import Logging
package import NIOCore
package import StintCore
package import StintStore
import Synchronization

/// A node without loops, for one job: who has it says when it claims, runs, beats and settles, and what time it is. What it
/// does then is what every node does, by the same code.
package final class SteppedNode: Sendable {
    /// What came of a run, before the store has heard of it.
    package struct Ran: Sendable {
        /// The handler was called.
        package let hasBegun: Bool
        /// What the store is to be told; `nil` = nothing, the job is the reaper's.
        package let settle: Settle?
    }

    private struct Log {
        var hasBegun = false
        var refusal: Refusal?
        var unsent: [OutgoingSettle] = []
    }

    /// By reference, for the observer.
    private final class Notes: Sendable {
        let log = Mutex(Log())

        func note(_ event: NodeEvent) {
            log.withLock { log in
                switch event {
                case .runBegan: log.hasBegun = true
                case .refused(_, _, _, let refusal): log.refusal = refusal
                default: break
                }
            }
        }
    }

    private let state: NodeState
    /// Closed: its slots are made here, one for the run.
    private let pool = SlotPool(concurrency: 1, onHungry: {}, onIdle: {}, onDrained: {}, run: { _, _ in })
    private let notes = Notes()
    private let reports: ReportLoop

    /// - Parameters:
    ///   - eventLoop: for signals that nobody waits for.
    ///   - draw: a uniform draw from 0 ..< 1, for the jitter of retries.
    package init(
        _ jobs: any JobStore, consumer: ConsumerID, lease: Duration, handlers: Handlers, time: ManualTime,
        eventLoop: any EventLoop, logger: Logger, draw: @escaping @Sendable () -> Double
    ) {
        var configuration = NodeConfiguration(queues: [], concurrency: 1, consumer: consumer)
        configuration.lease = lease
        let notes = self.notes
        _ = pool.close()
        let state = NodeState(
            jobs: jobs, redis: nil, eventLoop: eventLoop, configuration: configuration, handlers: handlers,
            logger: logger, observer: { notes.note($0) }, time: time, draw: draw)
        (self.state, reports) = (state, ReportLoop(node: state, timer: Signal(eventLoop)))
    }

    package var consumer: ConsumerID { state.consumer }

    /// The next job of a queue, under a lease; `nil` = nothing is ready.
    package func claim(from queue: QueueName) async throws(StintError) -> HeldLease? {
        let sentAt = state.now
        let own = state.configuration.lease
        let claim = try await state.jobs.claim(1, from: queue, for: state.consumer, lease: own)
        guard let job = claim.jobs.first else { return nil }
        let lease = HeldLease(job, queue: queue, lease: job.header.lease ?? own, sentAt: sentAt, time: state.time)
        state.leases.insert([lease])
        return lease
    }

    /// Runs a job to its end. Cancelling the task cancels its handler, as the stop of a node does.
    package func run(_ lease: HeldLease) async -> Ran {
        let (slot, job) = (Slot(), RunJob(node: state))
        await withTaskCancellationHandler {
            slot.start { await job.run(lease, in: $0) }
            await slot.join()
        } onCancel: {
            lease.cancel(.shutdown)
        }
        await reports.runOnce()
        let unsent = state.outbox.takeAll()
        return notes.log.withLock { log in
            log.unsent += unsent
            return Ran(hasBegun: log.hasBegun, settle: unsent.first?.settle)
        }
    }

    /// Tells the store what the run has come to.
    ///
    /// - Returns: why the store refused it; `nil` = it was accepted.
    package func settle() async -> Refusal? {
        let unsent = notes.log.withLock { log in
            defer { log.unsent = [] }
            return log.unsent
        }
        let left = await SettleLoop(node: state).runOnce(unsent)
        return notes.log.withLock { log in
            log.unsent += left
            return log.refusal
        }
    }

    /// One round of the heartbeat, of what watches local deadlines, and of what jobs say about themselves.
    ///
    /// - Parameter isHeard: false = the store hears nothing of it.
    /// - Returns: how long until the next; `nil` = nothing is held.
    package func beat(isHeard: Bool = true) async -> Duration? {
        if isHeard { await reports.runOnce() }
        let next = isHeard ? await HeartbeatLoop(node: state).runOnce(now: state.now) : nil
        let left = DeadlineLoop(node: state, pool: pool).runOnce(now: state.now)
        return state.leases.isEmpty ? nil : [next, left].compactMap { $0 }.min()
    }

    /// What a heartbeat does that learns that somebody wants the job cancelled.
    package func cancel(_ ids: Set<JobID>, on queue: QueueName, reason: String) {
        for lease in state.leases.all where lease.queue == queue && ids.contains(lease.job.id) {
            lease.cancel(.requested(reason))
        }
    }
}
