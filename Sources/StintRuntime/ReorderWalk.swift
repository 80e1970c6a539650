package import StintCore
package import StintStore

/// Brings the ready jobs of a queue into an order that was set, by ``Store/reorder(_:of:from:change:)``, in steps that nobody
/// has to wait long for, while the queue is in use. Several may do so at once.
package struct ReorderWalk: Sendable {
    /// What a step may read of records before the steps become smaller.
    private static let bytesPerStep = 4 << 20

    let store: any JobStore

    package init(_ store: any JobStore) { self.store = store }

    /// - Returns: how many jobs were looked at.
    /// - Throws: ``StintError``; what was done until then is done, and whoever begins anew goes on with the rest.
    @discardableResult
    package func run(_ queue: QueueName) async throws(StintError) -> Int {
        var (cursor, change, limit, looked): (String?, String, Int, Int) = ("0", "", 100, 0)
        while let at = cursor, !Task.isCancelled {
            let step = try await store.reorder(limit, of: queue, from: at, change: change)
            looked += step.looked
            (cursor, change) = (step.next, step.change)
            limit = step.recordBytes > Self.bytesPerStep ? max(1, limit / 4) : min(Defaults.maxJobsPerCall, limit * 2)
        }
        return looked
    }
}
