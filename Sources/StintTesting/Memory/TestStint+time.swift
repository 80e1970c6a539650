import Stint
import StintCore
import StintRuntime
import StintStore
import Synchronization

extension TestStint {
    private static let janitorGap: Int64 = 60_000_000

    /// Lets time pass. What happens on the way happens in its order: scheduled jobs that are due become ready, leases run out
    /// and are taken back, frozen nodes thaw, finished jobs are forgotten when their time is over. Handlers that run meanwhile
    /// keep their leases by heartbeats, as in a node.
    ///
    /// One call at a time. It does not run jobs: that is ``drain(_:concurrency:limit:)``.
    ///
    /// - Parameter duration: to the µs.
    /// - Returns: runs of nodes that were frozen until now, and how their late settles were answered.
    /// - Throws: ``StintError`` with code `invalidArgument` for a negative duration.
    @discardableResult
    public func advance(by duration: Duration) async throws -> [TestRun] {
        if duration < .zero {
            throw StintError.invalidArgument("advance", "\(duration) is negative", advice: "Time goes forward.")
        }
        let targetUs = store.nowUs + Int64(duration / .microseconds(1))
        var thawed: [TestRun] = []
        while true {
            let beatUs = await beat()
            thawed += try await thaw()
            try reapAndPromote()
            try trim()
            let nowUs = store.nowUs
            if nowUs >= targetUs { return thawed }
            let next = [beatUs, nextThawUs, nextTrimUs].compactMap { $0 } + store.names.compactMap(store.nextLapseUs)
            move(toUs: min(targetUs, max(nowUs + 1, next.min() ?? targetUs)))
        }
    }

    private func move(toUs nowUs: Int64) {
        time.advance(by: .microseconds(nowUs - store.nowUs))
        store.nowUs = nowUs
    }

    /// - Returns: when the next beat is due.
    private func beat() async -> Int64? {
        var next: Duration?
        for living in living {
            guard let wait = await living.node.beat(isHeard: living.isHeard) else { continue }
            next = min(next ?? wait, wait)
        }
        return next.map { store.nowUs + Int64($0 / .microseconds(1)) }
    }

    private func reapAndPromote() throws {
        for queue in store.names {
            while try store.reap(from: queue).lapses.count == Defaults.maxJobsPerCall {}
            while try store.promote(on: queue, for: consumer).promoted == Defaults.maxJobsPerCall {}
        }
    }

    /// As the janitors of nodes do, every minute.
    private func trim() throws {
        let nowUs = store.nowUs
        let isTime = state.withLock { state in
            guard nowUs >= state.trimmedAtUs + Self.janitorGap else { return false }
            state.trimmedAtUs = nowUs
            return true
        }
        if !isTime { return }
        let kept: [(JobState, Retention)] = [
            (.done, Defaults.keepDone), (.dead, Defaults.keepDead), (.cancelled, Defaults.keepCancelled),
        ]
        for queue in store.names {
            while try store.trim(on: queue, keeping: kept).dropFirst().contains(Defaults.maxJobsPerCall) {}
            while try store.trimResults(on: queue) == Defaults.maxJobsPerCall {}
        }
    }

    /// When a trim has something to do: not every minute of a month.
    private var nextTrimUs: Int64? {
        let lastUs = state.withLock { $0.trimmedAtUs }
        return store.names.compactMap(store.nextTrimUs).min().map { max($0, lastUs + Self.janitorGap) }
    }
}
