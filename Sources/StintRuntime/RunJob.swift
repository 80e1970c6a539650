import Logging
import StintCore
import StintStore

/// Runs one job: from a slot's taking it to its settle in the outbox.
struct RunJob {
    /// How long a job whose type this node does not know is left for nodes that do.
    static let unknownTypeDelay = Duration.seconds(5)

    let node: NodeState

    func run(_ lease: HeldLease, in slot: Slot) async {
        let job = lease.job
        guard lease.begin(in: slot) else {
            settle(lease, notBegun(lease.cause))
            return
        }
        guard let handler = node.handlers[job.header.type] else {
            node.logger.notice(
                "no handler for this type, job handed back",
                metadata: ["job": "\(job.id)", "queue": "\(lease.queue)", "type": "\(job.header.type)"])
            lease.finish()
            settle(lease, .release(after: Self.unknownTypeDelay))
            return
        }
        node.observe?(.runBegan(job, lease.queue))
        let began = ContinuousClock.now
        var thrown: (any Error)?
        do {
            try await handler.run(
                JobContext(
                    lease: lease, desk: node.desk, nodeLogger: node.logger, consumer: node.consumer))
        } catch {
            thrown = error
        }
        node.pace.note(ContinuousClock.now - began)
        let settle = Settle.decide(
            error: thrown, cause: lease.finish(), header: job.header, tries: job.tries, policy: handler.retry,
            random: .random(in: 0..<1)
        )
        node.observe?(.runEnded(job, lease.queue, settle))
        self.settle(lease, settle)
    }

    private func notBegun(_ cause: CancelCause?) -> Settle {
        switch cause {
        // Its claim's reply came late. The store knows whose it is: if it is still ours, it need not wait for a lapse that
        // would count although the job was never run.
        case .leaseLost: return .release(after: .zero)
        case .requested(let reason): return .cancel(reason: "cancelled: " + reason)
        case .shutdown, nil: return .release(after: .zero)
        }
    }

    /// Hands a job back that no slot has begun, or whose handler does not end.
    func handBack(_ lease: HeldLease) {
        lease.finish()
        settle(lease, .release(after: .zero))
    }

    func settle(_ lease: HeldLease, _ settle: Settle) {
        if settle == .nothing {
            node.leases.remove([lease])
        } else {
            node.outbox.add(OutgoingSettle(lease: lease, settle: settle))
        }
    }
}
