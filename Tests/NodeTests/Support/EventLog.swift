import NIOCore
import NIOPosix
import StintCore
import StintRuntime
import StintStore
import Synchronization

/// All that the nodes of one test have reported, in order. Tests wait for what they need, never for time to pass.
final class EventLog: Sendable {
    struct Entry: Sendable {
        let node: String
        let event: NodeEvent
        let at = ContinuousClock.now
    }

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    private struct Watcher {
        let predicate: @Sendable (Entry) -> Bool
        var missing: Int
        let continuation: CheckedContinuation<Entry, any Error>
    }

    private struct State {
        var entries: [Entry] = []
        var watchers: [Int: Watcher] = [:]
        var lastID = 0
    }

    private let state = Mutex(State())

    var entries: [Entry] { state.withLock { $0.entries } }

    func observer(_ node: String) -> NodeObserver {
        { event in self.add(Entry(node: node, event: event)) }
    }

    /// Waits until `count` entries satisfy `predicate`, those of the past included.
    ///
    /// - Returns: the last of them.
    @discardableResult
    func wait(
        _ count: Int = 1, within limit: Duration = .seconds(60), where predicate: @escaping @Sendable (Entry) -> Bool
    ) async throws -> Entry {
        try await withCheckedThrowingContinuation { continuation in
            let (id, found) = state.withLock { state in
                var missing = count
                for entry in state.entries where predicate(entry) {
                    missing -= 1
                    if missing == 0 { return (0, Optional(entry)) }
                }
                state.lastID += 1
                state.watchers[state.lastID] = Watcher(
                    predicate: predicate, missing: missing, continuation: continuation)
                return (state.lastID, nil)
            }
            if let found { return continuation.resume(returning: found) }
            MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .init(limit)) { self.giveUp(id) }
        }
    }

    private func add(_ entry: Entry) {
        let over = state.withLock { state in
            state.entries.append(entry)
            var over: [CheckedContinuation<Entry, any Error>] = []
            for (id, watcher) in state.watchers where watcher.predicate(entry) {
                state.watchers[id]?.missing -= 1
                if watcher.missing == 1 {
                    state.watchers[id] = nil
                    over.append(watcher.continuation)
                }
            }
            return over
        }
        for continuation in over { continuation.resume(returning: entry) }
    }

    private func giveUp(_ id: Int) {
        let (watcher, entries) = state.withLock { ($0.watchers.removeValue(forKey: id), $0.entries) }
        let tail = entries.suffix(20).map { "\($0.node): \($0.event)" }.joined(separator: "\n")
        watcher?.continuation.resume(
            throwing: Missing(description: "\(watcher?.missing ?? 0) events are missing; the last ones are\n\(tail)"))
    }
}

extension EventLog {
    /// How often each job was begun.
    var runs: [JobID: Int] { entries.reduce(into: [:]) { if let job = $1.began { $0[job.id, default: 0] += 1 } } }
    var lapses: [JobID: Int] { entries.reduce(into: [:]) { if let lapse = $1.lapse { $0[lapse.id, default: 0] += 1 } } }

    /// The jobs that were begun more often than they had lapsed or been released, plus one.
    var unexplainedDuplicates: [JobID: Int] {
        var allowed = lapses
        for entry in entries {
            if let (job, settle) = entry.settled, settle.givesBack { allowed[job.id, default: 0] += 1 }
        }
        return runs.filter { $0.value > 1 + allowed[$0.key, default: 0] }
    }
}

extension Settle {
    /// Whether the job will be run again.
    var givesBack: Bool {
        switch self {
        case .retry, .release: true
        case .ack, .lateAck, .reject, .cancel, .nothing: false
        }
    }
}

extension EventLog.Entry {
    var claimed: [ClaimedJob]? { if case .claimed(let jobs, _) = event { jobs } else { nil } }
    var began: ClaimedJob? { if case .runBegan(let job, _) = event { job } else { nil } }
    var ended: (job: ClaimedJob, settle: Settle)? {
        if case .runEnded(let job, _, let settle) = event { (job, settle) } else { nil }
    }
    var handedBack: ClaimedJob? { if case .handedBack(let job, _, _) = event { job } else { nil } }
    var settled: (job: ClaimedJob, settle: Settle)? {
        if case .settled(let job, _, let settle) = event { (job, settle) } else { nil }
    }
    var refused: (job: ClaimedJob, refusal: Refusal)? {
        if case .refused(let job, _, _, let refusal) = event { (job, refusal) } else { nil }
    }
    var lost: ClaimedJob? { if case .leaseLost(let job, _) = event { job } else { nil } }
    var lapse: Lapse? { if case .lapsed(let lapse, _) = event { lapse } else { nil } }
    var handlerAbandoned: JobID? { if case .handlerAbandoned(let job, _, _) = event { job.id } else { nil } }
    var isAck: Bool { settled?.settle == .ack }
    var isRelease: Bool { if case .release = settled?.settle { true } else { false } }
    var isStopping: Bool { if case .stopping = event { true } else { false } }
    var gone: (consumer: ConsumerID, leases: Int)? {
        if case .gone(let consumer, let leases) = event { (consumer, leases) } else { nil }
    }
    var isRecovery: Bool { if case .recovered = event { true } else { false } }
}
