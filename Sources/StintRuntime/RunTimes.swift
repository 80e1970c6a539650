import StintCore
import StintStore
import Synchronization

/// How long runs took that ended well, by queue and type, for the queues whose order goes by it. Of the others nothing is
/// measured, and a run costs them one read.
final class RunTimes: Sendable {
    private let isWanted = Atomic(false)
    private let wanted = Mutex<[QueueName: [JobType: RunTime]]>([:])

    func note(_ duration: Duration, of type: JobType, on queue: QueueName) {
        guard isWanted.load(ordering: .relaxed) else { return }
        wanted.withLock { $0[queue]?[type, default: RunTime(type)].add(duration) }
    }

    /// - Parameter isWanted: whether runs of this queue are measured from now on.
    /// - Returns: what was measured since the last time, of at most as many types as one call may tell of.
    func take(_ queue: QueueName, isWanted: Bool) -> [RunTime] {
        wanted.withLock { wanted in
            let measured = wanted.removeValue(forKey: queue) ?? [:]
            if isWanted { wanted[queue] = [:] }
            self.isWanted.store(!wanted.isEmpty, ordering: .relaxed)
            return isWanted ? Array(measured.values.filter { $0.runs > 0 }.prefix(Defaults.maxJobsPerCall)) : []
        }
    }
}
