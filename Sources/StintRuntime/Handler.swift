package import StintCore

/// What a node does with jobs of one type. An object: each run looks it up.
package final class Handler: Sendable {
    package let retry: RetryPolicy
    /// How long a run may take, unless its job says something else; `nil` = as long as it wants.
    package let timeout: Duration?
    package let run: @Sendable (JobContext) async throws -> Void

    package init(
        retry: RetryPolicy = .standard, timeout: Duration? = nil,
        run: @escaping @Sendable (JobContext) async throws -> Void
    ) {
        self.retry = retry
        self.timeout = timeout
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

    /// The types that there are handlers for, sorted; `nil` = every type.
    var types: [JobType]? {
        fallback == nil ? byType.keys.sorted { $0.rawValue < $1.rawValue } : nil
    }
}
