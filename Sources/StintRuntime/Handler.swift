package import StintCore

/// What a node does with jobs of one type.
package struct Handler: Sendable {
    package let retry: RetryPolicy
    package let run: @Sendable (JobContext) async throws -> Void

    package init(retry: RetryPolicy = .standard, run: @escaping @Sendable (JobContext) async throws -> Void) {
        self.retry = retry
        self.run = run
    }
}

/// The handlers of a node, by type.
package struct Handlers: Sendable {
    package var byType: [JobType: Handler]
    /// For every type that has no handler of its own. `nil` = such jobs are handed back.
    package var fallback: Handler?

    package init(_ byType: [JobType: Handler] = [:], fallback: Handler? = nil) {
        self.byType = byType
        self.fallback = fallback
    }

    package subscript(type: JobType) -> Handler? { byType[type] ?? fallback }
}
