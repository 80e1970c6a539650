import Stint
import StintTesting
import Synchronization

/// Where a number of tasks wait for each other.
final class Meeting: Sendable {
    private struct State {
        var missing: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(missing: count)) }

    func arrive() async {
        await withCheckedContinuation { continuation in
            let all = state.withLock { state in
                state.missing -= 1
                state.waiting.append(continuation)
                guard state.missing <= 0 else { return [] as [CheckedContinuation<Void, Never>] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for each in all { each.resume() }
        }
    }
}

/// Returns never, but throws when the task is cancelled.
func untilCancelled() async throws {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    for await _ in stream {}
    continuation.finish()
    try Task.checkCancellation()
}

/// What is known only after the handlers were made.
final class Later: Sendable {
    private let box = Mutex<(client: StintClient?, stint: TestStint?)>((nil, nil))

    var client: StintClient? {
        get { box.withLock { $0.client } }
        set { box.withLock { $0.client = newValue } }
    }

    var stint: TestStint? {
        get { box.withLock { $0.stint } }
        set { box.withLock { $0.stint = newValue } }
    }
}
