import NIOCore
package import StintCore
import StintStore
import Synchronization

/// Jobs in memory, under a clock that somebody else sets: the queues are the models that the scripts of Redis are compared
/// with, and everything around them is what ``Store`` does around the scripts.
///
/// Not as on Redis: there is one alarm for everybody, so that each is told of the next due time; and a claim has no limit of
/// bytes.
package final class MemoryStore: Sendable {
    struct State {
        var queues: [QueueName: QueueModel] = [:]
        /// The register, in the order of their first use.
        var names: [QueueName] = []
        var nowUs: Int64
        var logs: [LogName: [JobLogLine]] = [:]
        /// For queues in random order.
        var random: SeededGenerator
    }

    struct LogName: Hashable {
        let id: JobID
        let queue: QueueName
    }

    private let state: Mutex<State>
    /// Told of jobs that are running and wanted cancelled.
    private let onCancel = Mutex<(@Sendable ([JobID], QueueName, String) -> Void)?>(nil)

    package init(nowUs: Int64, seed: UInt64 = 1) {
        state = Mutex(State(nowUs: nowUs, random: SeededGenerator(seed: seed)))
    }

    /// µs since 1970.
    package var nowUs: Int64 {
        get { state.withLock { $0.nowUs } }
        set { state.withLock { $0.nowUs = newValue } }
    }

    /// In the order of their first use.
    package var names: [QueueName] { state.withLock { $0.names } }

    package func open(_ queue: QueueName) throws(StintError) {
        state.withLock { state in
            if !state.names.contains(queue) { state.names.append(queue) }
        }
    }

    func whenCancelling(_ body: @escaping @Sendable ([JobID], QueueName, String) -> Void) {
        onCancel.withLock { $0 = body }
    }

    func tellOfCancels(_ ids: [JobID], on queue: QueueName, reason: String) {
        if !ids.isEmpty { onCancel.withLock { $0 }?(ids, queue, reason) }
    }

    /// What one script does: alone, at one time, whole or not at all.
    ///
    /// - Throws: ``StintError`` with code `refused`, as Redis does of malformed arguments.
    func change<Answer: Sendable>(
        _ queue: QueueName, _ operation: String,
        _ body: (inout QueueModel, _ nowUs: Int64) throws(QueueModel.Malformed) -> Answer
    ) throws(StintError) -> Answer {
        let answer: Result<Answer, QueueModel.Malformed> = state.withLock { state in
            let nowUs = state.nowUs
            do throws(QueueModel.Malformed) {
                return .success(try body(&state.queues[queue, default: QueueModel()], nowUs))
            } catch {
                return .failure(error)
            }
        }
        switch answer {
        case .success(let answer): return answer
        case .failure: throw Self.refusal(operation, queue)
        }
    }

    /// Looks at a queue; one that was never used is empty.
    func look<Answer: Sendable>(_ queue: QueueName, _ body: (QueueModel, _ nowUs: Int64) -> Answer) -> Answer {
        state.withLock { state in body(state.queues[queue] ?? QueueModel(), state.nowUs) }
    }

    func log(_ name: LogName) -> [JobLogLine] { state.withLock { $0.logs[name] ?? [] } }

    func append(_ lines: [String], to name: LogName, keeping count: Int) {
        state.withLock { state in
            let new = lines.map { JobLogLine(atMs: state.nowUs / 1000, text: $0) }
            state.logs[name] = ((state.logs[name] ?? []) + new).suffix(count)
        }
    }

    /// Draws the seed of one claim in random order.
    func draw() -> SeededGenerator { state.withLock { SeededGenerator(seed: $0.random.next()) } }

    static func refusal(_ operation: String, _ queue: QueueName) -> StintError {
        StintError(
            .refused, "\(operation) \(queue)", "ERR STINT_ARGUMENTS \(operation): malformed arguments",
            advice: "See the script of this name in docs/protocol.md.")
    }
}
