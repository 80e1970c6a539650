public import StintCore
package import StintStore

/// Jobs that failed with errors of one fingerprint.
public struct FailureGroup: Sendable, Hashable {
    public let fingerprint: ErrorFingerprint
    /// How many are dead, and how many will be, or are being, tried again.
    public internal(set) var dead, retrying: Int
    /// The last failures of the group's jobs happened between these, ms since 1970 on the server's clock.
    public internal(set) var firstMs, lastMs: Int64
    /// How many of each type. Jobs whose records are missing have none.
    public internal(set) var types: [JobType: Int]
    /// The job whose failure was the last, and its reason, of which 300 bytes are kept here.
    public internal(set) var sample: JobID
    public internal(set) var reason: String

    public var count: Int { dead + retrying }
}

extension StintClient {
    /// What a step may read of records before the steps become smaller.
    private static let bytesPerStep = 4 << 20

    /// Why jobs of a queue are dead, or are tried again: grouped by a fingerprint of their last error, the largest group first.
    ///
    /// Read in bounded steps while the queue is in use. What changes meanwhile may be missing.
    public func failures(of queue: QueueName) async throws(StintError) -> [FailureGroup] {
        var groups: [ErrorFingerprint: FailureGroup] = [:]
        try await eachFailure(of: queue) { job in
            let group = FailureGroup(of: job)
            groups[group.fingerprint] = groups[group.fingerprint]?.joined(with: group) ?? group
        }
        return groups.values.sorted { ($1.count, $0.fingerprint) < ($0.count, $1.fingerprint) }
    }

    /// Walks all failed jobs, each once.
    package func eachFailure(of queue: QueueName, _ body: (FailedJob) -> Void) async throws(StintError) {
        var (cursor, limit): (String?, Int) = ("0", 100)
        var seen: Set<JobID> = []
        while let at = cursor {
            let step = try await jobs.failures(limit, from: at, on: queue)
            for job in step.jobs where seen.insert(job.id).inserted { body(job) }
            limit = step.recordBytes > Self.bytesPerStep ? max(1, limit / 4) : min(Defaults.maxJobsPerCall, limit * 2)
            cursor = step.next
        }
    }
}

extension FailureGroup {
    init(of job: FailedJob) {
        self.init(
            fingerprint: job.fingerprint, dead: job.state == .dead ? 1 : 0,
            retrying: job.state == .dead ? 0 : 1, firstMs: job.tries.lastMs, lastMs: job.tries.lastMs,
            types: job.type.map { [$0: 1] } ?? [:], sample: job.id, reason: job.tries.reason)
    }

    func joined(with other: FailureGroup) -> FailureGroup {
        var both = other.lastMs >= lastMs ? other : self
        (both.dead, both.retrying) = (dead + other.dead, retrying + other.retrying)
        (both.firstMs, both.lastMs) = (min(firstMs, other.firstMs), max(lastMs, other.lastMs))
        both.types = types.merging(other.types, uniquingKeysWith: +)
        return both
    }
}
