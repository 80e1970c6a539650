import StintCore

/// What keeps a queue from being faster, found by what was busy while a node worked.
package enum BenchLimit: String, Sendable, CaseIterable {
    case handlers, redis, machine, node, waiting

    /// From this share on something counts as busy: the rest of the time goes to what cannot be seen from here.
    private static let busy = 0.85

    /// - Parameters:
    ///   - slots: how much of the time of all slots the handlers took, 0 to 1.
    ///   - redis: the share of one core that Redis used; `nil` = it does not say.
    ///   - node: how many cores this process used.
    ///   - sharedCores: of the machine, where Redis runs on the same one.
    package init(slots: Double, redis: Double?, node: Double, sharedCores: Int?) {
        self =
            if slots >= Self.busy {
                .handlers
            } else if let redis, redis >= Self.busy {
                .redis
            } else if let sharedCores, (redis ?? 0) + node >= Double(sharedCores) * Self.busy {
                .machine
            } else if node >= Self.busy {
                .node
            } else {
                .waiting
            }
    }
}

extension BenchResult {
    /// One sentence about what limits this, and what would help.
    package var sentence: String {
        let work = self.process
        func percent(_ share: Double?) -> String { share.map { "\(Int(($0 * 100).rounded())) %" } ?? "unknown" }
        let (redis, node) = (percent(work.redisBusy), percent(work.cpuBusy))
        return switch limit {
        case .handlers:
            "The handlers are the limit: \(percent(slots)) of the time of \(plan.concurrency) slots went into them; a "
                + "higher --concurrency or more nodes will be faster, Redis was busy for \(redis)."
        case .redis:
            "Redis is the limit: its one thread was busy for \(redis) of the time; more nodes will not be faster, "
                + "larger batches and fewer, larger jobs will."
        case .machine:
            "The machine is the limit: Redis (\(redis) of a core) and this process (\(node)) share "
                + "\(ProcessUse.cores) cores; it will be faster with Redis on a machine of its own."
        case .node:
            "This node is the limit: its process used \(node) of a core, and Redis was busy for \(redis); more node "
                + "processes will be faster."
        case .waiting:
            "Nothing was busy: Redis for \(redis), this process for \(node) of a core; the time went into waiting, for "
                + "round trips (a PING takes \(Self.ms(roundTrip.p50Ms))), the disk of Redis, or other programs."
        }
    }

    private static func ms(_ value: Double) -> String { "\((value * 100).rounded() / 100) ms" }
}
