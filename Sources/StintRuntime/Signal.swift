package import NIOCore
import StintCore
import Synchronization

/// What a loop waits on: a flag that others raise, or a time that comes. One waiter.
///
/// Time is the event loop's: `Task.sleep` resumes through the cooperative pool, which blocked handlers may have filled.
package final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: (id: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var lastID: UInt64 = 0
        /// The wait whose time came before it had begun.
        var endedID: UInt64 = 0
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Wakes the waiter, now or at its next wait. Raising it twice before that is raising it once.
    package func raise() {
        let waiter = state.withLock { state in
            state.isRaised = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.continuation.resume()
    }

    /// Returns when the signal is raised, when `limit` has passed, or when the task is cancelled.
    package func wait(upTo limit: Duration? = nil) async {
        if let limit, limit <= .zero {
            state.withLock { $0.isRaised = false }
            return
        }
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let timer = limit.map { limit in
            eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) { self.end(id) }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isRaised || state.endedID == id || Task.isCancelled {
                        state.isRaised = false
                        return true
                    }
                    precondition(state.waiter == nil, "a signal has one waiter")
                    state.waiter = (id, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            end(id)
        }
        timer?.cancel()
    }

    private func end(_ id: UInt64) {
        let waiter = state.withLock { state in
            state.endedID = id
            guard state.waiter?.id == id else { return nil as CheckedContinuation<Void, Never>? }
            defer { state.waiter = nil }
            return state.waiter?.continuation
        }
        waiter?.resume()
    }
}
