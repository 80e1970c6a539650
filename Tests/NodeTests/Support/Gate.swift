import Synchronization

/// Where handlers wait until the test lets them go on.
final class Gate: Sendable {
    private let waiters = Mutex<[AsyncStream<Never>.Continuation]?>([])

    /// - Throws: `CancellationError`, as soon as the task is cancelled.
    func pass() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        waiters.withLock { waiters in
            if waiters == nil { continuation.finish() } else { waiters?.append(continuation) }
        }
        for await _ in stream {}
        try Task.checkCancellation()
    }

    /// The same for a handler that does not care for cancellation.
    func passStubbornly() async {
        await Task { try? await self.pass() }.value
    }

    /// Once and for all.
    func open() {
        let open = waiters.withLock { waiters in
            defer { waiters = nil }
            return waiters ?? []
        }
        for waiter in open { waiter.finish() }
    }
}

/// What handlers leave for the test to read.
final class Notes<Note: Sendable>: Sendable {
    private let notes = Mutex<[Note]>([])

    var all: [Note] { notes.withLock { $0 } }
    func add(_ note: Note) { notes.withLock { $0.append(note) } }
}
