public import StintCore
public import StintStore

/// Nodes from afar. They hear of what they are told within milliseconds where they listen, and by their next beat, within
/// 15 seconds, in any case.
extension StintClient {
    /// How often a drain looks.
    private static let drainInterval = Duration.milliseconds(250)

    /// The nodes in the register, sorted: those that work, and those that ended without a word in the last day.
    public func nodes(_ filter: NodeFilter = .all) async throws(StintError) -> [NodeInfo] {
        try await Inspector(redis(for: "nodes").store).nodes().map(NodeInfo.init).filter(filter.matches)
    }

    /// Tells nodes to claim nothing more: they keep their leases and finish what they run. A node that starts anew is not quiet.
    ///
    /// - Returns: those that were told.
    @discardableResult
    public func quiet(_ filter: NodeFilter) async throws(StintError) -> [ConsumerID] { try await tell(.quiet, filter) }

    /// Tells quiet nodes to claim again.
    ///
    /// - Returns: those that were told.
    @discardableResult
    public func resume(_ filter: NodeFilter) async throws(StintError) -> [ConsumerID] {
        try await tell(.resume, filter)
    }

    /// Tells nodes to stop gracefully, as by a SIGTERM. It cannot be taken back.
    ///
    /// Their ``StintNode/run()`` returns: a service group that is not to take that for a failure has to be told so, by its
    /// `successTerminationBehavior`.
    ///
    /// - Returns: those that were told.
    @discardableResult
    public func stop(_ filter: NodeFilter) async throws(StintError) -> [ConsumerID] { try await tell(.stop, filter) }

    /// Tells nodes to be quiet, those that start meanwhile too, and waits until none of them holds a job, `timeout` at most.
    ///
    /// Nodes that are lost are not waited for: what they held goes to others when their leases run out.
    ///
    /// - Returns: those that still hold jobs, or have not answered; empty = all are drained.
    public func drain(_ filter: NodeFilter, timeout: Duration) async throws(StintError) -> [NodeInfo] {
        let store = try redis(for: "drain").store
        let end = ContinuousClock.now.advanced(by: timeout)
        var told: Set<ConsumerID> = []
        while true {
            let nodes = try await self.nodes(filter).filter { !$0.isLost }
            let new = nodes.map(\.consumer).filter { !told.contains($0) }
            told.formUnion(try await tell(.quiet, new))
            let busy = nodes.filter { $0.state == .working || $0.running > 0 }
            if busy.isEmpty || ContinuousClock.now >= end || Task.isCancelled { return busy }
            for few in busy.map(\.consumer).inSteps { try await store.nudge(few, .beat) }
            try? await Task.sleep(for: min(Self.drainInterval, end - .now))
        }
    }

    private func tell(_ order: NodeOrder, _ filter: NodeFilter) async throws(StintError) -> [ConsumerID] {
        try await tell(order, try await nodes(filter).map(\.consumer))
    }

    package func tell(_ order: NodeOrder, _ consumers: [ConsumerID]) async throws(StintError) -> [ConsumerID] {
        let store = try redis(for: "\(order)").store
        var told: [ConsumerID] = []
        for few in consumers.inSteps { told += try await store.tell(order, few) }
        return told
    }
}

extension [ConsumerID] {
    /// As many at a time as one call takes.
    fileprivate var inSteps: [[ConsumerID]] {
        stride(from: 0, to: count, by: Defaults.maxJobsPerCall).map { start in
            Array(self[start..<Swift.min(start + Defaults.maxJobsPerCall, count)])
        }
    }
}
