package import StintCore
package import StintStore

/// Goes through a whole queue by ``Store/fsck(_:of:from:on:mends:)``, in steps that nobody has to wait long for, while the
/// queue is in use.
package struct FsckWalk: Sendable {
    /// What a step may read of records before the steps become smaller.
    private static let bytesPerStep = 4 << 20

    package struct Outcome: Sendable {
        /// Members and fields that were looked at, of all parts.
        package var looked = 0
        package var counts: [FsckProblem: Int] = [:]

        package var total: Int { counts.values.reduce(0, +) }
    }

    let store: Store
    /// Is told how long a step took, and waits for as long as it wants.
    let rest: @Sendable (Duration) async -> Void

    package init(_ store: Store, rest: @escaping @Sendable (Duration) async -> Void = { _ in }) {
        self.store = store
        self.rest = rest
    }

    /// - Parameter found: is told each thing that was found.
    /// - Throws: ``StintError``; what was mended until then is mended. A call that was lost is not repeated here.
    package func run(
        _ queue: QueueName, mends: Bool, found: (FsckStep.Finding) -> Void = { _ in }
    ) async throws(StintError) -> Outcome {
        var outcome = Outcome()
        for part in Store.fsckParts {
            var (cursor, limit): (String?, Int) = ("0", 100)
            while let at = cursor {
                let began = ContinuousClock.now
                let step = try await store.fsck(limit, of: part, from: at, on: queue, mends: mends)
                outcome.looked += step.looked
                for finding in step.findings {
                    outcome.counts[finding.problem, default: 0] += 1
                    found(finding)
                }
                limit =
                    step.recordBytes > Self.bytesPerStep ? max(1, limit / 4) : min(Defaults.maxJobsPerCall, limit * 2)
                cursor = step.next
                if cursor != nil { await rest(ContinuousClock.now - began) }
            }
        }
        return outcome
    }
}
