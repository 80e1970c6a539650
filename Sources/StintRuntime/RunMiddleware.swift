/// What a node does around every run: measures, traces, opens a transaction, refuses.
///
///     struct Timing: RunMiddleware {
///         func run(_ context: JobContext, next: RunNext) async throws {
///             let began = ContinuousClock.now
///             defer { context.logger.info("took \(ContinuousClock.now - began)") }
///             try await next(context)
///         }
///     }
public protocol RunMiddleware: Sendable {
    /// Called in the place of the handler, the first of the list outermost. What it throws settles the job as an error of the
    /// handler does, and what it swallows does not; without a call of `next` the handler does not run, and returning says
    /// that the job is done. It is cancelled as the handler is.
    ///
    /// - Parameter next: the rest: the next middleware, at last the handler. Call it once.
    func run(_ context: JobContext, next: RunNext) async throws
}

/// The rest of a run, with the context that it is to see.
public typealias RunNext = @Sendable (JobContext) async throws -> Void

extension Handlers {
    /// These handlers behind a middleware, the first outermost. Put together once: a run costs what its middleware does.
    package func behind(_ middleware: [any RunMiddleware]) -> Handlers {
        if middleware.isEmpty { return self }
        func wrapped(_ handler: Handler) -> Handler {
            let run = middleware.reversed().reduce(handler.run) { next, middleware in
                { context in try await middleware.run(context, next: next) }
            }
            return Handler(retry: handler.retry, timeout: handler.timeout, run: run)
        }
        return Handlers(byType.mapValues(wrapped), fallback: fallback.map(wrapped))
    }
}
