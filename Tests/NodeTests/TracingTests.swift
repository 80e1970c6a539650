import InMemoryTracing
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintTesting
import StintTracing
import Testing
import Tracing

extension NodeTests {
    @Suite struct TracingTests {}
}

private struct Oops: Error {}

extension NodeTests.TracingTests {
    /// Enqueues one job with one tracer, and runs it with another, as two processes would.
    private func spans(
        _ arena: Arena, attempts: Int = 1, _ handler: Handler, within context: ServiceContext = .topLevel
    ) async throws -> (publish: FinishedInMemorySpan, process: [FinishedInMemorySpan], id: JobID) {
        let (producer, worker) = (InMemoryTracer(idGenerator: .named("p")), InMemoryTracer(idGenerator: .named("w")))
        let client = try await arena.newClient(middleware: [TracingMiddleware(producer)])
        let id = try await ServiceContext.withValue(context) {
            try await client.enqueue(payload: ByteBuffer(), type: "note", on: arena.queue).id
        }
        try await arena.node(middleware: [TracingMiddleware(worker)], handlers: ["note": handler])
        try await arena.log.wait(attempts) { $0.settled != nil }
        return (try #require(producer.finishedSpans.first), worker.finishedSpans, id)
    }

    @Test func `the first attempt is a child of the enqueue`() async throws {
        try await Arena.run { arena in
            let (publish, process, id) = try await spans(arena, Handler { _ in })
            let run = try #require(process.first)
            #expect((publish.operationName, publish.kind) == ("publish \(arena.queue)", .producer))
            #expect((run.operationName, run.kind) == ("process \(arena.queue)", .consumer))
            #expect(run.traceID == publish.traceID)
            #expect(run.parentSpanID == publish.spanID)
            #expect(run.links.isEmpty)
            #expect((run.errors.count, run.status?.code) == (0, nil))
            for (span, name, type) in [(publish, "publish", "send"), (run, "process", "process")] {
                #expect(span.attributes.get("messaging.system") == "stint")
                #expect(span.attributes.get("messaging.destination.name") == .string(arena.queue.rawValue))
                #expect(span.attributes.get("messaging.operation.name") == .string(name))
                #expect(span.attributes.get("messaging.operation.type") == .string(type))
                #expect(span.attributes.get("messaging.message.id") == .string(id.rawValue))
                #expect(span.attributes.get("stint.job.type") == "note")
            }
            #expect(run.attributes.get("stint.job.attempt") == .int64(1))
            #expect(run.attributes.get("messaging.client.id") != nil)
        }
    }

    @Test func `later attempts are traces of their own with a link to the enqueue`() async throws {
        try await Arena.run { arena in
            let handler = Handler(retry: .fixed(.milliseconds(1))) { context in
                if context.attempt < 3 { throw Oops() }
            }
            let (publish, process, _) = try await spans(arena, attempts: 3, handler)
            #expect(process.count == 3)
            #expect(process[0].parentSpanID == publish.spanID)
            for later in process.dropFirst() {
                #expect(later.parentSpanID == nil)
                #expect(later.traceID != publish.traceID)
                #expect(later.links.map { $0.context.inMemorySpanContext?.spanID } == [publish.spanID])
            }
            #expect(process.map(\.errors.count) == [1, 1, 0])
            #expect(process.map { $0.status?.code == .error } == [true, true, false])
            #expect(process[0].attributes.get("error.type") == "Oops")
        }
    }

    @Test func `a job that is put off has not failed`() async throws {
        try await Arena.run { arena in
            let (_, process, _) = try await spans(arena, Handler { _ in throw JobOutcome.snooze(.seconds(60)) })
            let run = try #require(process.first)
            #expect((run.errors.count, run.status?.code) == (0, nil))
        }
    }

    @Test func `what a handler traces is within its run, and an enqueue is within what enqueues`() async throws {
        try await Arena.run { arena in
            let inner = Notes<String?>()
            let outer = InMemoryTracer(idGenerator: .named("o")).startSpan("request", context: .topLevel)
            let handler = Handler { _ in inner.add(ServiceContext.current?.inMemorySpanContext?.spanID) }
            let (publish, process, _) = try await spans(arena, handler, within: outer.context)
            #expect(inner.all == [process.first?.spanID])
            #expect(publish.parentSpanID == outer.spanID)
        }
    }

    @Test func `many jobs of one call have one span, and all of them carry it`() async throws {
        try await Arena.run { arena in
            let tracer = InMemoryTracer()
            let client = try await arena.newClient(middleware: [TracingMiddleware(tracer)])
            let ids = try await client.enqueue((0..<3).map { Tick(number: $0) }, on: arena.queue).map(\.id)
            let span = try #require(tracer.finishedSpans.first)
            #expect(tracer.finishedSpans.count == 1)
            #expect(span.attributes.get("messaging.batch.message_count") == .int64(3))
            var traces: Set<String?> = []
            for id in ids { traces.insert(try await arena.detail(id).header?.trace) }
            #expect(traces == [",in-memory-span-id=\(span.spanID),in-memory-trace-id=\(span.traceID)"])
        }
    }

    @Test func `an enqueue that fails is an error of its span`() async throws {
        try await Arena.run { arena in
            let tracer = InMemoryTracer()
            let client = try await arena.newClient(middleware: [TracingMiddleware(tracer)])
            await client.close()
            await #expect(throws: StintError.self) { try await client.enqueue(Tick(number: 1), on: arena.queue) }
            #expect(tracer.finishedSpans.first?.status?.code == .error)
        }
    }

    @Test func `a job without a trace has a run of its own`() async throws {
        try await Arena.run { arena in
            let tracer = InMemoryTracer()
            try await arena.enqueue("note")
            try await arena.node(middleware: [TracingMiddleware(tracer)], handlers: ["note": Handler { _ in }])
            try await arena.log.wait { $0.isAck }
            let run = try #require(tracer.finishedSpans.first)
            #expect((run.parentSpanID, run.links.count) == (nil, 0))
        }
    }

    @Test func `a traceparent is stored as it is, and what comes with it behind it`() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        var carrier = TraceCarrier()
        #expect(carrier.text == nil)
        carrier.fields["traceparent"] = parent
        #expect(carrier.text == parent)
        carrier.fields["tracestate"] = "a=1,b;=é 2"
        #expect(carrier.text == parent + ",tracestate=a%3D1%2Cb%3B%3D%C3%A9%202")
        #expect(carrier.text.map { TraceCarrier($0).fields } == carrier.fields)
        carrier.fields["baggage"] = String(repeating: "x", count: TraceCarrier.longest)
        #expect(carrier.text == parent)
        carrier.fields["traceparent"] = nil
        #expect(carrier.text == nil)
    }

    @Test(arguments: ["", ",", "nonsense", ",=", ",a", "%ZZ,%ZZ=1,b=%ZZ"])
    func `what is no trace does no harm`(text: String) {
        #expect(TraceCarrier(text).fields.count <= 1)
    }
}

extension InMemoryTracer.IDGenerator {
    /// Ids that no other tracer of the test has.
    fileprivate static func named(_ name: String) -> Self {
        let plain = InMemoryTracer.IDGenerator.incrementing
        return Self(nextTraceID: { name + plain.nextTraceID() }, nextSpanID: { name + plain.nextSpanID() })
    }
}

private struct Tick: JobPayload {
    static let type = "tick"
    var number: Int
}
