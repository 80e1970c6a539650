import Logging
import StintCore
import StintStore
import Synchronization

/// Runs one job: from a slot's taking it to its settle in the outbox.
struct RunJob {
    let node: NodeState

    func run(_ lease: HeldLease, in slot: Slot) async {
        let job = lease.job
        let handler = node.handlers[job.header.type]
        let timeout = job.header.timeout ?? handler?.timeout
        guard lease.begin(in: slot, timeout: timeout) else {
            return settleUnbegun(lease, notBegun(lease.cause))
        }
        guard let handler else {
            // Strangers have sorted out what a node does not know; in memory nobody has.
            lease.finish()
            return settleUnbegun(lease, .release(after: Strangers.delay))
        }
        node.observe?(.runBegan(job, lease.queue))
        node.metrics?.began(job, lease.queue)
        let began = ContinuousClock.now
        if let timeout { node.look(at: began.advanced(by: timeout)) }
        var thrown: (any Error)?
        do {
            var context = JobContext(lease: lease, on: node.surroundings)
            if node.decoder.concerns(job) {
                context.payload = try await node.decoder.decode(job, on: lease.queue, node.logger)
            }
            try await handler.run(context)
            if job.header.keepResult != nil {
                lease.setResult(
                    try await node.values.encode(lease.result, .result, of: job.id, job.header, on: lease.queue))
            }
        } catch let error as StintError where error.code == .keyMissing {
            thrown = PayloadDecoder.keyMissing(error, job, lease.queue, node.logger)
        } catch {
            thrown = error
        }
        let (cause, isEnd) = lease.finish()
        guard isEnd else {
            // It was given up, and its job settled, long ago.
            node.logger.notice(
                "abandoned handler has returned", metadata: ["job": "\(job.id)", "queue": "\(lease.queue)"])
            node.observe?(.runEnded(job, lease.queue, .nothing))
            return
        }
        let duration = ContinuousClock.now - began
        node.pace.note(duration)
        if thrown == nil { node.runTimes.note(duration, of: job.header.type, on: lease.queue) }
        let settle = Settle.decide(
            error: thrown, cause: cause, header: job.header, tries: job.tries, policy: handler.retry,
            random: node.draw()
        )
        node.observe?(.runEnded(job, lease.queue, settle))
        node.metrics?.ended(job, lease.queue, settle, took: duration)
        self.settle(lease, settle)
    }

    private func notBegun(_ cause: CancelCause?) -> Settle {
        switch cause {
        // Its claim's reply came late. The store knows whose it is: if it is still ours, it need not wait for a lapse that
        // would count although the job was never run.
        case .leaseLost: return .release(after: .zero)
        case .requested(let reason): return .cancel(reason: "cancelled: " + reason)
        case .shutdown, .timedOut, nil: return .release(after: .zero)
        }
    }

    /// Hands a job back that no slot has begun, or whose handler does not end.
    func handBack(_ lease: HeldLease) {
        if lease.finish().isEnd { settleUnbegun(lease, .release(after: .zero)) }
    }

    private func settleUnbegun(_ lease: HeldLease, _ settle: Settle) {
        node.observe?(.handedBack(lease.job, lease.queue, settle))
        self.settle(lease, settle)
    }

    /// Settles a job whose handler does not return after its cancellation. Whatever that one ends with is not heard.
    ///
    /// - Returns: the slot that the handler keeps; `nil` = it has returned meanwhile.
    func giveUp(_ lease: HeldLease) -> Slot? {
        guard let (slot, cause) = lease.abandon() else { return nil }
        let job = lease.job
        let settle = Settle.decide(
            error: CancellationError(), cause: cause, header: job.header, tries: job.tries,
            policy: node.handlers[job.header.type]?.retry ?? .standard, random: node.draw())
        node.abandoned.add(1, ordering: .relaxed)
        node.logger.warning(
            "handler ignores its cancellation, job settled without it",
            metadata: ["job": "\(job.id)", "queue": "\(lease.queue)", "settle": "\(settle)"])
        node.observe?(.handlerAbandoned(job, lease.queue, settle))
        self.settle(lease, settle)
        return slot
    }

    func settle(_ lease: HeldLease, _ settle: Settle) {
        if settle == .nothing {
            node.leases.remove([lease])
        } else {
            node.outbox.add(OutgoingSettle(lease: lease, settle: settle))
        }
    }
}
