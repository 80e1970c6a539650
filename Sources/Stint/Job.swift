import Foundation
import NIOCore
public import StintCore
public import StintRuntime

/// What a job carries. Encoded as JSON.
public protocol JobPayload: Codable, Sendable {
    /// The name by which nodes choose the handler, as `receipt.send`. It is stored with every job: changing it orphans the jobs
    /// that wait.
    static var type: String { get }
    /// When a job that failed is tried again. Default ``RetryPolicy/standard``.
    static var retry: RetryPolicy { get }
    /// How long one run may take: then its handler is cancelled, and the run counts as a failure. Default `nil`: for ever. A
    /// job's own ``EnqueueOption/timeout(_:)`` goes before it.
    static var timeout: Duration? { get }
    /// The lease of these jobs, which is stored with each when it is enqueued. Default `nil`: that of the node which runs it. A
    /// job's own ``EnqueueOption/lease(_:)`` goes before it.
    static var lease: Duration? { get }
    /// Whether jobs of this type are enqueued with ``EnqueueOption/sensitive``. Default false.
    static var isSensitive: Bool { get }
    /// Whether a job that failed with this error may be tried again. A job for which it is false is dead at once, with the error as
    /// its reason, whatever is left of its tries. Default: true for every error.
    ///
    /// It is not asked about ``JobOutcome``, which says it itself; and what a cancelled handler throws does not decide.
    static func isRetryable(_ error: any Error) -> Bool
}

extension JobPayload {
    public static var retry: RetryPolicy { .standard }
    public static var timeout: Duration? { nil }
    public static var lease: Duration? { nil }
    public static var isSensitive: Bool { false }

    public static func isRetryable(_ error: any Error) -> Bool { true }

    /// A handler with captured dependencies, for ``StintNode``.
    public static func handler(_ run: @escaping @Sendable (Self, JobContext) async throws -> Void) -> JobHandler {
        JobHandler(type: type, retry: retry, timeout: timeout) { context in
            let job = try Payload.decode(Self.self, context)
            do {
                try await run(job, context)
            } catch  where !(error is JobOutcome) && !isRetryable(error) {
                throw JobOutcome.reject(reason: String(describing: error))
            }
        }
    }
}

/// A job that knows how to run itself.
///
/// It may run more than once: when its node dies or is cut off before it could say that the job is done. Make it idempotent,
/// by ``JobContext/idempotencyKey`` or ``JobContext/token``.
public protocol Job: JobPayload {
    /// Returning = done. Throwing ``JobOutcome`` says how it goes on; any other error follows ``JobPayload/retry``.
    func run(_ context: JobContext) async throws
}

/// What a node does with jobs of one type.
public struct JobHandler: Sendable {
    let type: String
    let handler: Handler

    /// A handler for jobs whose payload is not JSON, or not Swift's.
    ///
    /// - Parameters:
    ///   - type: checked when the node is made.
    ///   - timeout: how long one run may take, unless its job says something else; `nil` = for ever. Checked, too.
    public init(
        type: String, retry: RetryPolicy = .standard, timeout: Duration? = nil,
        run: @escaping @Sendable (JobContext) async throws -> Void
    ) {
        self.type = type
        self.handler = Handler(retry: retry, timeout: timeout, run: run)
    }
}

extension Handlers {
    /// - Throws: ``StintError`` with code `invalidArgument` for a type that is none, or that stands there twice.
    package init(_ handlers: [JobHandler]) throws(StintError) {
        var byType: [JobType: Handler] = [:]
        for handler in handlers {
            if let timeout = handler.handler.timeout, !JobHeader.timeouts.contains(timeout) {
                throw .invalidArgument(
                    "node", "the timeout \(timeout) of \(handler.type) is out of range",
                    advice: "It is 1 ms to 365 days.")
            }
            guard byType.updateValue(handler.handler, forKey: try JobType(handler.type)) == nil else {
                throw .invalidArgument(
                    "node", "two handlers for jobs of type \(handler.type)", advice: "Register one for each type.")
            }
        }
        self.init(byType)
    }
}

/// Lists job types and handlers: `StintNode(client, queues: ["mail"]) { SendReceipt.self; ResizeImage.handler { … } }`.
@resultBuilder
public enum HandlerBuilder {
    public static func buildExpression<J: Job>(_ type: J.Type) -> [JobHandler] {
        [J.handler { job, context in try await job.run(context) }]
    }

    public static func buildExpression(_ handler: JobHandler) -> [JobHandler] { [handler] }
    public static func buildExpression(_ handlers: [JobHandler]) -> [JobHandler] { handlers }
    public static func buildBlock(_ parts: [JobHandler]...) -> [JobHandler] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [JobHandler]?) -> [JobHandler] { part ?? [] }
    public static func buildEither(first part: [JobHandler]) -> [JobHandler] { part }
    public static func buildEither(second part: [JobHandler]) -> [JobHandler] { part }
    public static func buildArray(_ parts: [[JobHandler]]) -> [JobHandler] { parts.flatMap { $0 } }
}

/// JSON, both ways.
enum Payload {
    static func encode(_ job: some JobPayload) throws(StintError) -> ByteBuffer {
        do {
            return ByteBuffer(bytes: try JSONEncoder().encode(job))
        } catch {
            throw StintError(
                .undecodable, "encode \(Swift.type(of: job).type)", "the job cannot be written as JSON: \(error)",
                underlying: error)
        }
    }

    /// A payload that cannot be read will not be readable next time: straight to dead, with the reason.
    static func decode<J: JobPayload>(_ type: J.Type, _ context: JobContext) throws -> J {
        do {
            return try JSONDecoder().decode(type, from: Data(context.payload.readableBytesView))
        } catch {
            let details = context.isSensitive || J.isSensitive ? "details are left out, it is sensitive" : "\(error)"
            throw JobOutcome.reject(reason: "the payload is not a \(J.type): \(details)")
        }
    }
}
