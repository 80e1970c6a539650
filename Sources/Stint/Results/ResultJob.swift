import NIOCore
public import StintCore
public import StintRuntime
import StintStore

/// A job that has something to show for it:
///
///     struct Sum: ResultJob {
///         static let type = "sum"
///         var numbers: [Int]
///         func run(_ context: JobContext) async throws -> Int { numbers.reduce(0, +) }
///     }
///     let receipt = try await client.enqueue(Sum(numbers: [1, 2]), on: "math")
///     let sum = try await receipt.value
///
/// Its result is kept for a while, and can be read by anybody who knows the job's id. The run may happen more than once, as
/// that of every job; one result is kept.
public protocol ResultJob: JobPayload {
    associatedtype Output: Codable & Sendable

    /// How long the result is kept, unless the enqueue says so by ``EnqueueOption/keepResult(for:)``. Default: an hour.
    static var keepResult: Duration { get }

    /// Returning = done, with this result. Throwing is as for ``Job``.
    func run(_ context: JobContext) async throws -> Output
}

extension ResultJob {
    public static var keepResult: Duration { .seconds(3600) }
}

extension HandlerBuilder {
    public static func buildExpression<J: ResultJob>(_ type: J.Type) -> [JobHandler] {
        [
            J.handler { job, context in
                let output = try await job.run(context)
                do {
                    try context.setResult(encoding: output)
                } catch let error as StintError {
                    // The next run's would be no smaller, and no easier to write.
                    throw JobOutcome.reject(reason: error.message)
                }
            }
        ]
    }
}

/// Why there is no result.
public enum ResultError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The job is dead, for this reason. It may be redriven, and have a result then.
    case dead(reason: String)
    /// The job was cancelled, for this reason.
    case cancelled(reason: String)
    /// The job is done, or may be, and its result is not kept: not any more, or never was.
    case notKept
    /// No job of this id is known.
    case unknown
    /// The job has not come to its end in the time that was given.
    case timedOut

    public var description: String {
        switch self {
        case .dead(let reason): "the job is dead: \(reason)"
        case .cancelled(let reason): "the job was \(reason.hasPrefix("cancelled") ? reason : "cancelled: " + reason)"
        case .notKept: "the job's result is not kept, not any more or not at all"
        case .unknown: "no job of this id is known"
        case .timedOut: "the job has not come to its end in time"
        }
    }
}

/// What one gets for the enqueue of a ``ResultJob``.
public struct ResultReceipt<Output: Codable & Sendable>: Sendable {
    public let receipt: Receipt
    let client: StintClient

    public var id: JobID { receipt.id }
    public var queue: QueueName { receipt.queue }
    /// False when a job of this id existed already: the value is that one's.
    public var isAccepted: Bool { receipt.isAccepted }

    /// Waits for the job's end, without polling.
    ///
    /// - Throws: ``ResultError`` when the job has no result; ``StintError``; `CancellationError`.
    public var value: Output {
        get async throws { try await client.value(of: id, on: queue, as: Output.self) }
    }

    /// The same, not for longer than this.
    public func value(within limit: Duration) async throws -> Output {
        try await client.value(of: id, on: queue, as: Output.self, within: limit)
    }
}
