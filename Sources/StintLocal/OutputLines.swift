import Subprocess
import Synchronization

/// The lines that a process has written so far, and those that it will write.
package final class OutputLines: Sendable {
    package struct NoSuchLine: Error, CustomStringConvertible {
        package let description: String
    }

    private struct State {
        var lines: [String] = []
        var isFinished = false
        var followers: [AsyncStream<String>.Continuation] = []
    }

    private let state = Mutex(State())

    /// The lines so far.
    package var soFar: [String] { state.withLock { $0.lines } }

    /// Every line from the first one on, until the process has ended. Any number of readers, each sees all lines.
    package var all: AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        state.withLock { state in
            for line in state.lines { continuation.yield(line) }
            if state.isFinished { continuation.finish() } else { state.followers.append(continuation) }
        }
        return stream
    }

    /// The first line, of those already written and those to come, for which `predicate` holds. Throws, with what was
    /// written instead, when the process ends first or `limit` (default: a minute) passes.
    package func first(
        within limit: Duration = .seconds(60), where predicate: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        let lines = all
        let found = await withTaskGroup(of: String?.self) { group in
            group.addTask {
                for await line in lines where predicate(line) { return line }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if let found { return found }
        try Task.checkCancellation()
        let ended = state.withLock { $0.isFinished } ? "the process has ended" : "\(limit) have passed"
        throw NoSuchLine(
            description: "no such line, and \(ended); written so far:\n\(soFar.suffix(50).joined(separator: "\n"))")
    }

    func finish() {
        let followers = state.withLock { state in
            state.isFinished = true
            defer { state.followers = [] }
            return state.followers
        }
        for follower in followers { follower.finish() }
    }

    /// Reads until the end of the output. A read error of a pipe is its end too.
    func read(_ sequence: SubprocessOutputSequence) async {
        do { for try await line in sequence.strings() { append(line) } } catch {}
        finish()
    }

    private func append(_ line: String) {
        state.withLock { state in
            guard !state.isFinished else { return }
            state.lines.append(line)
            for follower in state.followers { follower.yield(line) }
        }
    }
}
