import Logging
import NIOCore
import StintCore
import StintStore

/// Sends settles to Redis, gathered while the ones before them were under way, and repeats what could not get through until
/// the lease is over. After that the job is the reaper's.
struct SettleLoop {
    let node: NodeState

    func run() async {
        var left: [OutgoingSettle] = []
        while !Task.isCancelled {
            let batch = left + node.outbox.takeAll()
            if batch.isEmpty {
                await node.settleSignal.wait()
                continue
            }
            left = await runOnce(batch)
            if !left.isEmpty { await node.pause(.milliseconds(100), on: node.settleSignal) }
        }
    }

    /// Sends a batch.
    ///
    /// - Returns: what could not be sent and is worth another try.
    func runOnce(_ batch: [OutgoingSettle]) async -> [OutgoingSettle] {
        var byQueue: [QueueName: [OutgoingSettle]] = [:]
        for settle in batch { byQueue[settle.lease.queue, default: []].append(settle) }
        var left: [OutgoingSettle] = []
        for (queue, settles) in byQueue {
            for (call, group) in SettleCall.group(settles) {
                for chunk in Self.chunks(of: group) { left += await send(chunk, call, on: queue) }
            }
        }
        return left
    }

    /// Gives back jobs that no slot has begun. Waits until the store has them: a claim that is sent before brings the jobs
    /// behind them first.
    func handBack(_ leases: [HeldLease], after delay: () -> Duration) async {
        var settles: [OutgoingSettle] = []
        for lease in leases {
            lease.finish()
            let settle = Settle.release(after: delay())
            node.observe?(.handedBack(lease.job, lease.queue, settle))
            settles.append(OutgoingSettle(lease: lease, settle: settle))
        }
        for settle in await runOnce(settles) { node.outbox.add(settle) }
    }

    private static func chunks(of settles: [OutgoingSettle]) -> [[OutgoingSettle]] {
        let calls = SettleBatch.calls(resultBytes: settles.map(\.resultBytes))
        return calls.count == 1 ? [settles] : calls.map { Array(settles[$0]) }
    }

    private func send(_ settles: [OutgoingSettle], _ call: SettleCall, on queue: QueueName) async -> [OutgoingSettle] {
        let refusals: [JobID: Refusal]
        do {
            refusals = try await call.perform(settles, on: queue, node)
        } catch {
            return judge(settles, error, queue)
        }
        node.leases.remove(settles.map(\.lease))
        node.metrics?.settlesRefused(refusals.count, queue)
        for outgoing in settles {
            let job = outgoing.lease.job
            if let refusal = refusals[job.id] {
                warn(outgoing, refusal, queue)
                node.observe?(.refused(job, queue, outgoing.settle, refusal))
            } else {
                node.observe?(.settled(job, queue, outgoing.settle))
            }
        }
        return []
    }

    /// A repeated settle finds the lease gone because it had come through. Any other refusal means that the job was taken away.
    private func warn(_ outgoing: OutgoingSettle, _ refusal: Refusal, _ queue: QueueName) {
        if refusal == .gone, outgoing.mayHaveRun { return }
        // It was never begun, because its lease was over before: nothing has run for the second time.
        if case .release = outgoing.settle, outgoing.lease.cause == .leaseLost { return }
        node.logger.warning(
            "settle refused: the lease was over",
            metadata: [
                "job": "\(outgoing.lease.job.id)", "queue": "\(queue)", "settle": "\(outgoing.settle)",
                "refusal": "\(refusal)",
            ])
    }

    /// What becomes of settles whose call failed: again, as long as the lease lasts and the error may pass.
    private func judge(_ settles: [OutgoingSettle], _ error: StintError, _ queue: QueueName) -> [OutgoingSettle] {
        var again: [OutgoingSettle] = []
        var over: [OutgoingSettle] = []
        for outgoing in settles {
            let isLate = outgoing.settle == .lateAck || outgoing.lease.deadline <= outgoing.lease.now
            if error.isPassing, !isLate {
                var repeated = outgoing
                repeated.mayHaveRun = outgoing.mayHaveRun || error.code == .unconfirmed
                again.append(repeated)
            } else {
                over.append(outgoing)
            }
        }
        node.metrics?.settlesRetried(again.count, queue)
        node.metrics?.settlesAbandoned(over.count, queue)
        if !over.isEmpty {
            node.leases.remove(over.map(\.lease))
            node.logger.error(
                "settles given up, the jobs are left to the reaper",
                metadata: [
                    "queue": "\(queue)", "jobs": "\(over.count)", "error": "\(error)",
                ])
            for outgoing in over { node.observe?(.abandoned(outgoing.lease.job, queue, outgoing.settle)) }
        }
        return again
    }
}

/// The script call that a settle needs. Settles that need the same one go together.
enum SettleCall: Hashable {
    case ack, answer, nack
    case release(delay: Duration)

    static func group(_ settles: [OutgoingSettle]) -> [SettleCall: [OutgoingSettle]] {
        var groups: [SettleCall: [OutgoingSettle]] = [:]
        for outgoing in settles {
            switch outgoing.settle {
            case .ack, .lateAck:
                groups[outgoing.lease.job.header.keepResult == nil ? .ack : .answer, default: []].append(outgoing)
            case .retry, .reject, .cancel: groups[.nack, default: []].append(outgoing)
            case .release(let delay): groups[.release(delay: delay), default: []].append(outgoing)
            case .nothing: break
            }
        }
        return groups
    }

    /// - Returns: the refused ones.
    func perform(_ settles: [OutgoingSettle], on queue: QueueName, _ node: NodeState) async throws(StintError)
        -> [JobID: Refusal]
    {
        let consumer = node.consumer
        switch self {
        case .ack:
            let settlement = try await node.jobs.ack(settles.map(\.lease.held), on: queue, by: consumer)
            return Self.byID(settlement.refused)
        case .answer:
            let answers = settles.map { outgoing in
                Answer(
                    outgoing.lease.held, keep: outgoing.lease.job.header.keepResult ?? .zero,
                    result: outgoing.lease.result)
            }
            let settlement = try await node.jobs.answer(
                answers, on: queue, by: consumer, keeping: Defaults.keepResults, bytes: Defaults.keepResultBytes)
            return Self.byID(settlement.refused)
        case .release(let delay):
            let settlement = try await node.jobs.release(
                settles.map(\.lease.held), on: queue, by: consumer, delay: delay)
            return Self.byID(settlement.refused)
        case .nack:
            let outcomes = try await node.jobs.nack(settles.map(\.nack), on: queue, by: consumer)
            var refusals: [JobID: Refusal] = [:]
            for (outgoing, outcome) in zip(settles, outcomes) {
                if case .refused(let refusal) = outcome { refusals[outgoing.lease.job.id] = refusal }
            }
            return refusals
        }
    }

    private static func byID(_ refused: [(id: JobID, refusal: Refusal)]) -> [JobID: Refusal] {
        refused.isEmpty ? [:] : Dictionary(refused.map { ($0.id, $0.refusal) }) { first, _ in first }
    }
}

extension OutgoingSettle {
    fileprivate var nack: Nack {
        switch settle {
        case .retry(let delay, let maxFailures, let reason):
            Nack(lease.held, .retry, delay: delay, maxFailures: maxFailures, reason: reason)
        case .reject(let reason): Nack(lease.held, .reject, maxFailures: 1, reason: reason)
        case .cancel(let reason): Nack(lease.held, .cancel, maxFailures: 1, reason: reason)
        case .ack, .lateAck, .release, .nothing: preconditionFailure("only failures are nacked")
        }
    }
}
