public import Stint
import StintCore
import StintRuntime
import StintStore
import Synchronization

extension TestStint {
    /// Runs all jobs that are ready, and those that become ready by it: retries without a delay, and what handlers enqueue. Jobs
    /// of several queues take turns.
    ///
    /// The clock stands still meanwhile, unless a handler or another task calls ``advance(by:)``.
    ///
    /// - Parameters:
    ///   - queues: which; none = all.
    ///   - concurrency: how many at the same time. Default 1: the order is then that of the queue, and the same every time.
    ///   - limit: more runs than these are an error, so that handlers which snooze for no time end a test. Default 10,000.
    /// - Returns: what ran, in the order in which it ended.
    /// - Throws: ``StintError`` with code `invalidArgument` when the limit is reached; `CancellationError` when the task is
    ///   cancelled, after the handlers that were running have ended.
    @discardableResult
    public func drain(_ queues: QueueName..., concurrency: Int = 1, limit: Int = 10_000) async throws -> [TestRun] {
        if concurrency < 1 {
            throw StintError.invalidArgument("drain", "concurrency \(concurrency) is out of range")
        }
        return try await withThrowingTaskGroup(of: TestRun.self) { group in
            var (runs, turn, running) = ([TestRun](), 0, 0)
            while true {
                while running < concurrency, !Task.isCancelled, let claimed = try await claim(queues, turn) {
                    guard runs.count + running < limit else { throw Self.endless(limit, claimed.lease.job) }
                    group.addTask { try await self.run(claimed) }
                    (running, turn) = (running + 1, turn + 1)
                }
                guard let run = try await group.next() else { break }
                runs.append(run)
                running -= 1
            }
            try Task.checkCancellation()
            return runs
        }
    }

    struct Claimed: Sendable {
        let node: SteppedNode
        let lease: HeldLease
        let fault: TestFault?
    }

    private static func endless(_ limit: Int, _ job: ClaimedJob) -> StintError {
        .invalidArgument(
            "drain", "\(limit) runs, and there are more: the next is of \(job.id), a \(job.header.type)",
            advice: "A handler may snooze for no time, or enqueue its own job again. Raise the limit if they are right."
        )
    }

    /// The next job, of the queue whose turn it is or of one after it.
    private func claim(_ queues: [QueueName], _ turn: Int) async throws(StintError) -> Claimed? {
        let all = queues.isEmpty ? store.names : queues
        for index in all.indices {
            let queue = all[(turn + index) % all.count]
            guard store.hasReady(queue) else { continue }
            let node = makeNode()
            guard let lease = try await node.claim(from: queue) else { continue }
            return Claimed(node: node, lease: lease, fault: takeFault(for: lease.job.header.type))
        }
        return nil
    }

    private func run(_ claimed: Claimed) async throws -> TestRun {
        let (node, lease) = (claimed.node, claimed.lease)
        if claimed.fault == .diesBeforeRun { return TestRun(lease.job, on: lease.queue, .lost) }
        let living = Living(node: node, isHeard: claimed.fault != .losesHeartbeats)
        state.withLock { $0.nodes[ObjectIdentifier(node)] = living }
        let life = NodeLife()
        let ran = await NodeLife.$current.withValue(life) { await node.run(lease) }
        if life.isOver || claimed.fault == .diesAfterRun {
            forget(node)
            return TestRun(lease.job, on: lease.queue, .lost, reason: ran.settle?.reason ?? "")
        }
        if case .freezesAfterRun(let duration) = claimed.fault {
            forget(node)
            freeze(claimed, ran, for: duration)
            return TestRun(lease.job, on: lease.queue, .lost, reason: ran.settle?.reason ?? "")
        }
        let refusal = await node.settle()
        forget(node)
        return try end(of: lease, ran, refusal)
    }

    private func forget(_ node: SteppedNode) { state.withLock { $0.nodes[ObjectIdentifier(node)] = nil } }

    /// What became of a run, by what the store says of its job right afterwards.
    func end(of lease: HeldLease, _ ran: SteppedNode.Ran, _ refusal: Refusal?) throws -> TestRun {
        let job = lease.job
        let state = try store.jobs([job.id], on: lease.queue).first?.state
        let end: TestRun.End
        switch ran.settle {
        case nil, .nothing: end = .lost
        case _ where refusal != nil: end = .refused
        case .ack, .lateAck: end = .done
        case _ where state == .cancelled: end = .cancelled
        case .retry(let delay, _, _): end = state == .dead ? .dead : .failed(retryIn: delay)
        case .reject: end = .dead
        case .cancel: end = .cancelled
        case .release(let delay): end = handlers[job.header.type] == nil ? .unhandled : .released(after: delay)
        }
        return TestRun(job, on: lease.queue, end, reason: ran.settle?.reason ?? "")
    }
}

extension Settle {
    var reason: String {
        switch self {
        case .retry(_, _, let reason), .reject(let reason), .cancel(let reason): reason
        case .ack, .lateAck, .release, .nothing: ""
        }
    }
}
