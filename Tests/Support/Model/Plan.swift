import StintCore

/// What the producer of a search enqueues: job 0, which is due at once, and job 1, which is due later and urgent; and what
/// these have to do with each other.
package enum Plan: String, Hashable, Sendable, CaseIterable {
    case apart
    /// One unique key for both, until its job has ended: the second is refused, or takes the place of the first.
    case rejecting, replacing
    /// The same until its job is started, and for a time, which is over before a lease.
    case untilStarted, forTime

    /// As commands of a history.
    var batches: [Batch] { Self.tables[self]?.batches ?? [] }
    /// As the model takes them.
    var jobs: [QueueModel.NewJob] { Self.tables[self]?.jobs ?? [] }

    // The search asks for them millions of times.
    private static let tables = Dictionary(
        uniqueKeysWithValues: allCases.map { plan in
            (plan, (batches: plan.draft, jobs: plan.draft.flatMap { Lab.jobs($0, atUs: 0) }))
        })

    private var draft: [Batch] {
        var batches = [Batch(ids: [0]), Batch(ids: [1], due: .afterMs(World.delayMs), priority: 1)]
        if self == .apart { return batches }
        for job in batches.indices {
            batches[job].key = 0
            batches[job].replaces = self == .replacing
            batches[job].span = self == .untilStarted ? .started : self == .forTime ? .ms(World.delayMs + 2) : .done
        }
        return batches
    }
}
