import Dispatch
import Foundation
import StintCore
import Synchronization

/// Writes to a descriptor from a thread of its own, so that a node's event loop never waits for a terminal, a pager or
/// a log shipper that has stopped reading: a loop that waits sends no heartbeats, and every lease of the node lapses.
///
/// All writes are whole and in the order in which they were asked for.
final class BackgroundWriter: Sendable {
    /// Why lines are missing: the waiting ones had reached the limit, or a write failed with this error.
    enum Loss: Sendable, Equatable {
        case full
        case failed(Int32)
    }

    /// Called on the writer's thread. What it returns is written where lines are missing.
    typealias LossHandler = @Sendable (_ lines: Int, _ loss: Loss) -> String

    private struct State {
        var waiting: [(bytes: [UInt8], lines: Int)] = []
        /// Of the waiting texts and of those being written.
        var bytes = 0
        /// Of the same, and the dropped ones that were not told yet.
        var lines = 0
        var dropped = 0
        var isDraining = false
    }

    private let queue: DispatchQueue
    private let limitBytes: Int
    private let write: @Sendable (UnsafeRawBufferPointer) -> Int32
    private let isBlocked: @Sendable () -> Bool
    private let onLoss: LossHandler
    private let state = Mutex(State())

    /// - Parameter limitBytes: how much may wait; what does not fit is dropped and counted.
    convenience init(
        _ descriptor: Int32, label: String, limitBytes: Int = 256 << 10, onLoss: @escaping LossHandler
    ) {
        self.init(descriptor, label: label, limitBytes: limitBytes, onLoss: onLoss) {
            Console.writeAll($0, to: descriptor)
        }
    }

    init(
        _ descriptor: Int32, label: String, limitBytes: Int, onLoss: @escaping LossHandler,
        write: @escaping @Sendable (UnsafeRawBufferPointer) -> Int32
    ) {
        self.isBlocked = { Console.isBlocked(descriptor) }
        self.queue = DispatchQueue(label: label)
        self.limitBytes = limitBytes
        self.onLoss = onLoss
        self.write = write
    }

    /// Never waits.
    func add(_ text: String, lines: Int = 1) {
        let bytes = Array(text.utf8)
        let mustStart = state.withLock { state in
            // After a loss nothing is taken until the loss has been told: it stands where the lines are missing.
            if state.dropped == 0, state.bytes + bytes.count <= limitBytes {
                state.waiting.append((bytes, lines))
                state.bytes += bytes.count
            } else {
                state.dropped += lines
            }
            state.lines += lines
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if mustStart { queue.async { self.drain() } }
    }

    /// Comes back when the bytes are written, or when the task is cancelled; then they are written later.
    ///
    /// - Returns: 0, or the number of the error; ECANCELED after a cancellation.
    func pass(_ bytes: [UInt8]) async -> Int32 {
        // Who has nothing to say does not stand in line.
        if bytes.isEmpty { return 0 }
        let answer = Answer()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.await(continuation)
                queue.async { [write] in answer.give(bytes.withUnsafeBytes(write)) }
            }
        } onCancel: {
            answer.give(ECANCELED)
        }
    }

    /// Waits until everything is written, or until nobody has been reading for that time.
    ///
    /// On a busy machine it is this process that gets no processor, and its last words would be lost: time alone is no
    /// reason to give up, a descriptor that takes nothing is. Thirty times the time is the end in any case.
    ///
    /// - Returns: how many added lines are neither written nor told as a loss.
    @discardableResult
    func flush(within time: Duration = .seconds(1)) -> Int {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        for _ in 0..<30 {
            if done.wait(timeout: .now() + time.inSeconds) == .success || isBlocked() { break }
        }
        return state.withLock { $0.lines }
    }

    private func drain() {
        while let (texts, dropped) = takeAll() {
            for text in texts {
                let number = text.bytes.withUnsafeBytes(write)
                if number != 0 { tell(text.lines, .failed(number)) }
                state.withLock { state in
                    state.bytes -= text.bytes.count
                    state.lines -= text.lines
                }
            }
            if dropped > 0 {
                tell(dropped, .full)
                state.withLock { $0.lines -= dropped }
            }
        }
    }

    private func tell(_ lines: Int, _ loss: Loss) {
        var text = onLoss(lines, loss)
        // A second failure in a row has nobody to be told to.
        if !text.isEmpty { _ = text.withUTF8 { write(UnsafeRawBufferPointer($0)) } }
    }

    private func takeAll() -> (texts: [(bytes: [UInt8], lines: Int)], dropped: Int)? {
        state.withLock { state in
            if state.waiting.isEmpty, state.dropped == 0 {
                state.isDraining = false
                return nil
            }
            defer {
                state.waiting = []
                state.dropped = 0
            }
            return (state.waiting, state.dropped)
        }
    }

    /// One number for one waiter; the first one given counts.
    private final class Answer: Sendable {
        private enum State {
            case empty
            case awaited(CheckedContinuation<Int32, Never>)
            case given(Int32)
        }

        private let state = Mutex(State.empty)

        func await(_ continuation: CheckedContinuation<Int32, Never>) {
            let number = state.withLock { state -> Int32? in
                switch state {
                case .given(let number): return number
                case .empty, .awaited:
                    state = .awaited(continuation)
                    return nil
                }
            }
            if let number { continuation.resume(returning: number) }
        }

        func give(_ number: Int32) {
            let continuation = state.withLock { state -> CheckedContinuation<Int32, Never>? in
                switch state {
                case .given: return nil
                case .empty:
                    state = .given(number)
                    return nil
                case .awaited(let continuation):
                    state = .given(number)
                    return continuation
                }
            }
            continuation?.resume(returning: number)
        }
    }
}
