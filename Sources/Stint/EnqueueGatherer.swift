import NIOCore
package import StintCore
import StintRuntime
package import StintStore
import Synchronization

/// Where single enqueues gather while those before them are under way: a lone one goes at once, many go together.
///
/// It sends each job once and tells each caller what became of its own: an error of the call is an error of every job in it,
/// an id that exists is the business of its caller alone. Repeats, and what cancellation does to them, are the callers'.
package final class EnqueueGatherer: Sendable {
    package typealias Send = @Sendable ([NewJob], QueueName) async throws(StintError) -> [EnqueueOutcome]
    private typealias Answer = Result<EnqueueOutcome, StintError>

    private struct Entry {
        let job: NewJob
        let caller: UnsafeContinuation<Answer, Never>
    }

    /// Only queues with a call under way: what is not used is not kept.
    private let queues = Mutex<[QueueName: Gathering<Entry>]>([:])
    private let executor: LoopExecutor
    private let send: Send

    /// - Parameters:
    ///   - executor: the loop of the connection. What arrives before it comes round is in the first call: the hop to it is
    ///     one that a lone enqueue makes anyway.
    ///   - send: one call to the store, of at most ``Defaults/maxJobsPerCall`` jobs.
    package init(on executor: LoopExecutor, send: @escaping Send) {
        self.executor = executor
        self.send = send
    }

    /// Returns when the call that carried the job has ended. Cancelling the task does not end the wait.
    package func enqueue(_ job: NewJob, on queue: QueueName) async throws(StintError) -> EnqueueOutcome {
        let answer: Answer = await withUnsafeContinuation { caller in
            let startsSender = queues.withLock { queues in
                queues[queue, default: Gathering()].add(Entry(job: job, caller: caller))
            }
            // It ends by itself, and whoever waits here waits for it.
            if startsSender { Task(executorPreference: executor) { await self.sendAll(of: queue) } }
        }
        return try answer.get()
    }

    private func sendAll(of queue: QueueName) async {
        while let batch = take(from: queue) {
            do throws(StintError) {
                let outcomes = try await send(batch.map(\.job), queue)
                for (entry, outcome) in zip(batch, outcomes) { entry.caller.resume(returning: .success(outcome)) }
            } catch {
                for entry in batch { entry.caller.resume(returning: .failure(error)) }
                // One outage is enough for all: who waited behind this call hears of it now, not after a time-out of its own.
                if error.isPassing { giveUp(on: queue) }
            }
        }
    }

    private func giveUp(on queue: QueueName) {
        let unsent = queues.withLock { $0[queue]?.takeAll() ?? [] }
        for entry in unsent {
            let error = StintError(
                .unavailable, "enqueue \(queue)", "the call before this one could not be made",
                advice: "The job was not sent. Try again.")
            entry.caller.resume(returning: .failure(error))
        }
    }

    private func take(from queue: QueueName) -> [Entry]? {
        queues.withLock { queues in
            let batch = queues[queue]?.take(\.job)
            if queues[queue]?.isIdle == true { queues[queue] = nil }
            return batch
        }
    }
}

/// What waits for one queue, and how many senders are at work. A value: calls and continuations are somebody else's.
package struct Gathering<Entry> {
    /// Two, so that the server has work while the answers of one call are on their way to their callers.
    static var maxSenders: Int { 2 }
    static var maxBytes: Int { 8 << 20 }

    private var waiting: [Entry] = []
    private var senders = 0
    /// A sender is on its way and will take what waits.
    private var isExpected = false

    package init() {}

    var isIdle: Bool { senders == 0 && waiting.isEmpty }

    /// - Returns: true when the caller has to start a sender, which calls ``take(_:)`` until it gets nothing.
    package mutating func add(_ entry: Entry) -> Bool {
        waiting.append(entry)
        if isExpected || senders >= Self.maxSenders { return false }
        senders += 1
        isExpected = true
        return true
    }

    /// What a sender carries next: as much as one call may, in groups that are alike. An id of the user's, and a unique key,
    /// goes into a call once, so that the second caller hears what it would have heard on its own.
    ///
    /// - Returns: `nil` when nothing waits: the sender has to end.
    package mutating func take(_ job: (Entry) -> NewJob) -> [Entry]? {
        isExpected = false
        if waiting.isEmpty {
            senders -= 1
            return nil
        }
        var bytes = 0
        var own: Set<JobID> = []
        var keys: Set<String> = []
        let count = waiting.prefix(Defaults.maxJobsPerCall).prefix { entry in
            let job = job(entry)
            defer { bytes += job.payload.readableBytes }
            let fits = bytes == 0 || bytes + job.payload.readableBytes <= Self.maxBytes
            return fits && (job.isMinted || own.insert(job.id).inserted)
                && job.unique.map { keys.insert($0.key).inserted } ?? true
        }.count
        defer { waiting.removeFirst(count) }
        return Self.grouped(waiting.prefix(count), job)
    }

    /// Everything that waits. Its senders go on, and find nothing.
    package mutating func takeAll() -> [Entry] {
        defer { waiting = [] }
        return waiting
    }

    private struct Group: Hashable {
        let due: Due
        let priority: Int
        let isFresh, isUnique: Bool

        init(_ job: NewJob) {
            (due, priority, isFresh, isUnique) = (job.due, job.header.priority, job.isFresh, job.unique != nil)
        }
    }

    /// Jobs that are alike next to each other, otherwise in the order of their arrival: a call carries groups.
    private static func grouped(_ entries: ArraySlice<Entry>, _ job: (Entry) -> NewJob) -> [Entry] {
        guard let first = entries.first.map({ Group(job($0)) }) else { return [] }
        if entries.allSatisfy({ Group(job($0)) == first }) { return Array(entries) }
        var groups: [Group: [Entry]] = [:]
        var order: [Group] = []
        for entry in entries {
            let group = Group(job(entry))
            if groups[group] == nil { order.append(group) }
            groups[group, default: []].append(entry)
        }
        return order.flatMap { groups[$0] ?? [] }
    }
}
