public import Stint
import StintCore
public import Tracing

/// Carries traces from an enqueue to the runs of its jobs.
///
///     let tracing = TracingMiddleware()
///     let client = try await StintClient(.redis(url), middleware: [tracing])
///     let node = try StintNode(client, queues: ["mail"], middleware: [tracing]) { SendReceipt.self }
///
/// An enqueue is a span `publish <queue>`, a run a span `process <queue>`, with the attributes of OpenTelemetry's conventions
/// for messaging. The first attempt is a child of the enqueue. Later ones, which may be hours away, are traces of their own
/// with a link to it.
public struct TracingMiddleware: EnqueueMiddleware, RunMiddleware {
    private let own: (any Tracer)?

    /// - Parameter tracer: `nil` = the one with which the program has bootstrapped its `InstrumentationSystem`.
    public init(_ tracer: (any Tracer)? = nil) {
        self.own = tracer
    }

    private var tracer: any Tracer { own ?? InstrumentationSystem.tracer }

    public func enqueue(_ jobs: [OutgoingJob], on queue: QueueName, next: EnqueueNext) async throws -> [Receipt] {
        try await publish(jobs, on: queue, next, tracer)
    }

    public func run(_ context: JobContext, next: RunNext) async throws {
        try await process(context, next, tracer)
    }

    private func publish(
        _ jobs: [OutgoingJob], on queue: QueueName, _ next: EnqueueNext, _ tracer: some Tracer
    ) async throws -> [Receipt] {
        let span = tracer.startSpan("publish \(queue)", ofKind: .producer)
        defer { span.end() }
        Self.describe(span, "publish", "send", queue)
        if jobs.count == 1 {
            span.attributes["messaging.message.id"] = jobs[0].id.rawValue
        } else {
            span.attributes["messaging.batch.message_count"] = jobs.count
        }
        if let type = jobs.first?.type { span.attributes["stint.job.type"] = type.rawValue }
        var carrier = TraceCarrier()
        tracer.inject(span.context, into: &carrier, using: CarrierFields())
        var jobs = jobs
        if let text = carrier.text { for index in jobs.indices { jobs[index].traceContext = text } }
        return try await Self.within(span) { [jobs] in try await next(jobs) }
    }

    private func process(_ context: JobContext, _ next: RunNext, _ tracer: some Tracer) async throws {
        var origin = ServiceContext.topLevel
        if let text = context.traceContext {
            tracer.extract(TraceCarrier(text), into: &origin, using: CarrierFields())
        }
        let isFirst = context.attempt == 1
        // From the top where it is not the first: what the task that started the node was doing has nothing to do with it.
        let span = tracer.startSpan(
            "process \(context.queue)", context: isFirst ? origin : .topLevel, ofKind: .consumer)
        defer { span.end() }
        if !isFirst, context.traceContext != nil { span.addLink(SpanLink(context: origin, attributes: [:])) }
        Self.describe(span, "process", "process", context.queue)
        span.attributes["messaging.message.id"] = context.id.rawValue
        span.attributes["messaging.client.id"] = context.consumer.description
        span.attributes["stint.job.type"] = context.type.rawValue
        span.attributes["stint.job.attempt"] = context.attempt
        try await Self.within(span) { try await next(context) }
    }

    private static func describe(_ span: some Span, _ name: String, _ type: String, _ queue: QueueName) {
        span.attributes["messaging.system"] = "stint"
        span.attributes["messaging.destination.name"] = queue.rawValue
        span.attributes["messaging.operation.name"] = name
        span.attributes["messaging.operation.type"] = type
    }

    private static func within<Value: Sendable>(
        _ span: some Span, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            return try await ServiceContext.withValue(span.context) { try await body() }
        } catch {
            // A handler that puts its job off has not failed.
            if (error as? JobOutcome)?.isFailure != false {
                span.attributes["error.type"] = "\(type(of: error))"
                span.recordError(error)
                span.setStatus(SpanStatus(code: .error))
            }
            throw error
        }
    }
}
