import Logging
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    @Suite struct MiddlewareTests {}
}

private struct Oops: Error {}

private struct Enqueuing: EnqueueMiddleware {
    let body: @Sendable ([OutgoingJob], EnqueueNext) async throws -> [Receipt]

    func enqueue(_ jobs: [OutgoingJob], on queue: QueueName, next: EnqueueNext) async throws -> [Receipt] {
        try await body(jobs, next)
    }
}

private struct Running: RunMiddleware {
    let body: @Sendable (JobContext, RunNext) async throws -> Void

    func run(_ context: JobContext, next: RunNext) async throws { try await body(context, next) }
}

extension NodeTests.MiddlewareTests {
    @Test func `enqueue middleware is called in order, sees the jobs, and comes back in reverse`() async throws {
        try await Arena.run { arena in
            let notes = Notes<String>()
            func named(_ name: String) -> Enqueuing {
                Enqueuing { jobs, next in
                    notes.add("\(name) \(jobs.map { String(buffer: $0.payload) })")
                    defer { notes.add("\(name) ends") }
                    return try await next(jobs)
                }
            }
            let client = try await arena.newClient(middleware: [named("a"), named("b")])
            try await client.enqueue(payload: ByteBuffer(string: "1"), on: arena.queue)
            #expect(notes.all == ["a [\"1\"]", "b [\"1\"]", "b ends", "a ends"])
        }
    }

    @Test func `a call with many jobs is one call of the middleware`() async throws {
        try await Arena.run { arena in
            let notes = Notes<Int>()
            let client = try await arena.newClient(middleware: [
                Enqueuing { jobs, next in
                    notes.add(jobs.count)
                    return try await next(jobs)
                }
            ])
            let receipts = try await client.enqueue((0..<1500).map { Tick(number: $0) }, on: arena.queue)
            #expect(notes.all == [1500])
            #expect(receipts.count == 1500)
            #expect(try await arena.stats().ready == 1500)
        }
    }

    @Test func `enqueue middleware may change what is sent`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(middleware: [
                Enqueuing { jobs, next in
                    var jobs = jobs
                    for index in jobs.indices {
                        jobs[index].payload = ByteBuffer(string: "changed")
                        jobs[index].apply(.priority(9))
                        jobs[index].apply(.sensitive)
                        jobs[index].traceContext = "here"
                    }
                    return try await next(jobs)
                }
            ])
            let id = try await client.enqueue(payload: ByteBuffer(string: "a"), on: arena.queue).id
            let job = try await arena.detail(id)
            #expect(job.payload == ByteBuffer(string: "changed"))
            #expect((job.header?.priority, job.header?.isSensitive, job.header?.trace) == (9, true, "here"))
        }
    }

    @Test func `what middleware makes of a job is checked as what its producer says`() async throws {
        try await Arena.run { arena in
            for change: @Sendable (inout OutgoingJob) -> Void in [
                { $0.apply(.priority(101)) }, { $0.traceContext = "a;b" }, { $0.traceContext = "" },
                { $0.payload = ByteBuffer(repeating: 0, count: Defaults.maxPayloadBytes + 1) },
            ] {
                let client = try await arena.newClient(middleware: [
                    Enqueuing { jobs, next in
                        var jobs = jobs
                        change(&jobs[0])
                        return try await next(jobs)
                    }
                ])
                let error = await #expect(throws: StintError.self) {
                    try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
                }
                #expect(error.map { [.invalidArgument, .payloadTooLarge].contains($0.code) } == true)
            }
            #expect(try await arena.stats().enqueuedTotal == 0)
        }
    }

    @Test func `enqueue middleware that throws refuses the job, and its error is the cause`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(middleware: [Enqueuing { _, _ in throw Oops() }])
            let error = await #expect(throws: StintError.self) {
                try await client.enqueue([Tick(number: 1), Tick(number: 2)], on: arena.queue)
            }
            #expect(error?.code == .hookFailed)
            #expect(error?.underlying is Oops)
            #expect(try await arena.stats().enqueuedTotal == 0)
        }
    }

    @Test func `an error of the enqueue itself passes through middleware as it is`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(middleware: [Enqueuing { try await $1($0) }])
            await client.close()
            let error = await #expect(throws: StintError.self) {
                try await client.enqueue(payload: ByteBuffer(), on: arena.queue)
            }
            #expect(error?.code == .closed)
        }
    }

    @Test func `middleware that loses jobs is told so, and nothing is sent`() async throws {
        try await Arena.run { arena in
            for lossy in [
                Enqueuing { jobs, next in try await next(jobs.dropLast()) }, Enqueuing { _, _ in [] },
            ] {
                let client = try await arena.newClient(middleware: [lossy])
                let error = await #expect(throws: StintError.self) {
                    try await client.enqueue([Tick(number: 1), Tick(number: 2)], on: arena.queue)
                }
                #expect(error?.code == .invalidArgument)
                #expect(error?.message.contains("Enqueuing") == true)
            }
            #expect(try await arena.stats().enqueuedTotal == 0)
        }
    }

    @Test func `run middleware is around the handler, the first outermost`() async throws {
        try await Arena.run { arena in
            let notes = Notes<String>()
            func named(_ name: String) -> Running {
                Running { context, next in
                    notes.add("\(name) \(context.type)")
                    try await next(context)
                    notes.add("\(name) ends")
                }
            }
            try await arena.enqueue("note")
            try await arena.node(
                middleware: [named("a"), named("b")], handlers: ["note": Handler { _ in notes.add("runs") }])
            try await arena.log.wait { $0.isAck }
            #expect(notes.all == ["a note", "b note", "runs", "b ends", "a ends"])
        }
    }

    @Test func `what run middleware throws settles the job as the handler would`() async throws {
        try await Arena.run { arena in
            let ids = [try await arena.enqueue("rejected"), try await arena.enqueue("failed")]
            let veto = Running { context, _ in
                if context.type == "rejected" { throw JobOutcome.reject(reason: "not today") }
                throw Oops()
            }
            let runs = Notes<JobID>()
            let handler = Handler(retry: .fixed(.seconds(60))) { runs.add($0.id) }
            try await arena.node(middleware: [veto], handlers: ["rejected": handler, "failed": handler])
            try await arena.log.wait(2) { $0.settled != nil }
            let (rejected, failed) = (try await arena.detail(ids[0]), try await arena.detail(ids[1]))
            #expect((rejected.state, rejected.tries.reason) == (.dead, "not today"))
            #expect((failed.state, failed.tries.failures) == (.scheduled, 1))
            #expect(runs.all.isEmpty)
        }
    }

    @Test func `run middleware may swallow an error, and then the job is done`() async throws {
        try await Arena.run { arena in
            try await arena.enqueue("note")
            let calm = Running { context, next in try? await next(context) }
            try await arena.node(middleware: [calm], handlers: ["note": Handler { _ in throw Oops() }])
            try await arena.log.wait { $0.isAck }
        }
    }

    @Test func `the logger of a run says which run it is, and middleware may set another`() async throws {
        try await Arena.run { arena in
            let journal = Journal()
            let client = try await arena.newClient(journal: journal)
            let id = try await arena.enqueue("note")
            let middleware = Running { context, next in
                context.logger.info("outside")
                var context = context
                context.logger[metadataKey: "tenant"] = "blue"
                try await next(context)
            }
            try await arena.node(
                client: client, middleware: [middleware], handlers: ["note": Handler { $0.logger.info("inside") }])
            try await arena.log.wait { $0.isAck }
            let token = try #require(arena.log.entries.compactMap(\.began).first?.token)
            let inside = try #require(journal.entries("inside").first?.metadata)
            #expect(inside["job"] == "\(id)")
            #expect(inside["queue"] == "\(arena.queue)")
            #expect(inside["type"] == "note")
            #expect(inside["attempt"] == "1")
            #expect(inside["token"] == "\(token)")
            #expect(inside["consumer"] != nil)
            #expect(inside["tenant"] == "blue")
            #expect(journal.entries("outside").first?.metadata["tenant"] == nil)
        }
    }
}

private struct Tick: JobPayload {
    static let type = "tick"
    var number: Int
}
