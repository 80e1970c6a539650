import Dispatch
import Foundation
import NIOCore
import StintCore
import Synchronization

/// Turns lines into batches of jobs on a thread of its own: reading standard input blocks, and parsing goes on while
/// the batch before is on its way to Redis. A few batches wait at most, so that a million lines need little memory.
final class JobFeed: Sendable {
    enum Batch: Sendable {
        case jobs([JobDraft])
        /// This line, from 1, is no job. All before it were handed out.
        case failed(line: Int, reason: String)
    }

    private static let mostWaiting = 4

    let batches: AsyncStream<Batch>
    private let continuation: AsyncStream<Batch>.Continuation
    /// Starts at zero and is raised to its size: one that is destroyed below its first value traps.
    private let room = DispatchSemaphore(value: 0)
    private let stopped = Atomic<Int32>(0)

    init(_ source: LineReader, _ read: @escaping @Sendable (ByteBuffer) throws -> JobDraft?) {
        (batches, continuation) = AsyncStream.makeStream(of: Batch.self)
        for _ in 0..<Self.mostWaiting { room.signal() }
        Thread { [self] in
            var source = source
            var line = 0
            reading: while stopSignal == nil {
                room.wait()
                let next = next(&source, &line, read)
                if next.isEmpty { break }
                for batch in next {
                    continuation.yield(batch)
                    if case .failed = batch { break reading }
                }
            }
            continuation.finish()
        }.start()
    }

    /// Says that a batch has been dealt with.
    func taken() { room.signal() }

    /// Ends the feed, whatever still waits.
    func stop(_ signal: Int32) {
        stopped.store(signal, ordering: .releasing)
        // The thread may sit in a read that never returns; it ends with the process.
        continuation.finish()
    }

    var stopSignal: Int32? {
        let number = stopped.load(ordering: .acquiring)
        return number == 0 ? nil : number
    }

    /// The jobs of the next lines; empty = the end. A bad line follows the jobs before it.
    private func next(
        _ source: inout LineReader, _ line: inout Int, _ read: (ByteBuffer) throws -> JobDraft?
    ) -> [Batch] {
        var drafts: [JobDraft] = []
        do {
            while drafts.isEmpty {
                line += 1
                let lines = try source.next(Defaults.maxJobsPerCall)
                if lines.isEmpty { return [] }
                line -= 1
                for text in lines {
                    line += 1
                    guard let draft = try read(text) else { continue }
                    try draft.validate()
                    drafts.append(draft)
                }
            }
            return [.jobs(drafts)]
        } catch {
            return (drafts.isEmpty ? [] : [.jobs(drafts)]) + [.failed(line: line, reason: Self.reason(error))]
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as LineReader.Failure: error.reason
        case let error as StintError: error.message + (error.advice.isEmpty ? "" : ". " + error.advice)
        default: String(describing: error)
        }
    }
}
