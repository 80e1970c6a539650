import Logging
import NIOCore
import StintCore
import StintRedis
import StintRuntime
import StintStore
import Synchronization

/// Who waits for results, and for which: one reader of the stream of ends for each queue of a client, shared by all who wait
/// there, and only while somebody does.
final class Answers: Sendable {
    private struct Room {
        var waiters: [UInt64: (id: JobID, signal: Signal)] = [:]
        /// Raised when the reader knows where it reads from; `nil` = nobody reads.
        var reader: Task<String, any Error>?
    }

    private let store: Store
    private let ears: Ears
    private let rooms = Mutex<[QueueName: Room]>([:])
    private let lastID = Atomic<UInt64>(0)

    init(store: Store, ears: Ears) {
        (self.store, self.ears) = (store, ears)
    }

    /// Waits until a job has come to its end.
    ///
    /// - Returns: its result; empty = the handler had none.
    func result(
        of id: JobID, on queue: QueueName, within limit: Duration?, _ client: StintClient
    ) async throws -> ByteBuffer {
        let end = limit.map { ContinuousClock.now.advanced(by: $0) }
        let signal = Signal(store.client.eventLoop)
        let number = lastID.add(1, ordering: .relaxed).newValue
        defer { leave(number, queue) }
        // Reads from a place that was there before the look: no end is missed between the two.
        try await enter(number, id, signal, queue, client)
        while true {
            if let end = try await client.end(of: id, on: queue) { return try end.get() }
            try Task.checkCancellation()
            if let end, end <= .now { throw ResultError.timedOut }
            await signal.wait(upTo: end.map { $0 - .now })
        }
    }

    // MARK: Reading

    private func enter(
        _ number: UInt64, _ id: JobID, _ signal: Signal, _ queue: QueueName, _ client: StintClient
    ) async throws {
        let reader = rooms.withLock { rooms in
            rooms[queue, default: Room()].waiters[number] = (id, signal)
            if let reader = rooms[queue]?.reader { return reader }
            let store = store
            let begin = Task { () async throws -> String in try await store.lastEnd(of: queue) }
            rooms[queue]?.reader = begin
            let ear = ears.make(client)
            Task(executorPreference: LoopExecutor(store.client.eventLoop)) { [self] in
                await read(queue, begin, ear)
                ears.close(ear)
            }
            return begin
        }
        _ = try await reader.value
    }

    private func leave(_ number: UInt64, _ queue: QueueName) {
        rooms.withLock { _ = $0[queue]?.waiters.removeValue(forKey: number) }
    }

    /// - Returns: whether nobody waits: then whoever comes next starts another reader.
    private func endsIfEmpty(_ queue: QueueName) -> Bool {
        rooms.withLock { rooms in
            guard rooms[queue]?.waiters.isEmpty ?? true else { return false }
            rooms[queue] = nil
            return true
        }
    }

    private func wake(_ queue: QueueName, where isMeant: (JobID) -> Bool) {
        let signals = rooms.withLock {
            ($0[queue]?.waiters.values).map { $0.filter { isMeant($0.id) }.map(\.signal) } ?? []
        }
        for signal in signals { signal.raise() }
    }

    private func read(_ queue: QueueName, _ begin: Task<String, any Error>, _ ear: RedisClient) async {
        guard var entry = try? await begin.value else {
            // Those who wait get the error of `begin`; the next one tries again.
            rooms.withLock { $0[queue]?.reader = nil }
            return
        }
        let timer = Signal(store.client.eventLoop)
        while !endsIfEmpty(queue) {
            do {
                let command = store.readEnds(queue, after: entry, blockMs: Ears.blockFor.wholeMs)
                let ends = store.ends(in: try await ear.block(command, upTo: Ears.blockFor), after: &entry)
                if ends.count == 0 {
                    await lookAll(queue)
                } else if ends.count == Store.mostEnds {
                    // So many at once: some may have been trimmed before they were read.
                    wake(queue) { _ in true }
                } else {
                    let ids = Set(ends.ids)
                    wake(queue) { ids.contains($0) }
                }
            } catch {
                // Each looks for itself, and is told if that fails, too.
                wake(queue) { _ in true }
                await timer.wait(upTo: error.disposition == .final ? .seconds(5) : .milliseconds(300))
            }
        }
    }

    /// The net below ends that were not told: a job that was purged, or a stream that a crash of the server has cut.
    private func lookAll(_ queue: QueueName) async {
        let ids = Set(rooms.withLock { Array(($0[queue]?.waiters ?? [:]).values.map(\.id)) })
        let some = Array(ids.prefix(Defaults.maxJobsPerCall))
        guard let jobs = try? await Inspector(store).jobs(some, on: queue) else { return }
        let ended = Set(jobs.filter { $0.state.map { [.done, .dead, .cancelled].contains($0) } ?? true }.map(\.id))
        wake(queue) { ended.contains($0) }
    }
}
