import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Payloads that are encoded on their way in, and what becomes of those that cannot be read.
    @Suite struct PayloadTests {}
}

/// Turns the bytes around; knows by what name it has.
private struct Backwards: PayloadCodec {
    var refusesPlain = false
    var error: (any Error)?

    func encode(_ payload: ByteBuffer, of job: PayloadOwner) throws -> EncodedPayload? {
        if let error { throw error }
        if payload.readableBytes == 0 { return nil }
        return EncodedPayload(ByteBuffer(bytes: payload.readableBytesView.reversed()), codec: "backwards")
    }

    func decode(_ payload: EncodedPayload, of job: PayloadOwner) throws -> ByteBuffer {
        if let error { throw error }
        return ByteBuffer(bytes: payload.bytes.readableBytesView.reversed())
    }
}

private struct Oops: Error {}

extension NodeTests.PayloadTests {
    private func keys(_ id: String, _ byte: UInt8) throws -> AEADCodec {
        try AEADCodec(keys: [PayloadKey(id: id, bytes: Array(repeating: byte, count: 32))])
    }

    @Test func `a payload is stored encoded, says so, and reaches the handler as it was`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: Backwards())
            let receipt = try await client.enqueue(payload: ByteBuffer(string: "abc"), type: "note", on: arena.queue)
            let stored = try await arena.detail(receipt.id)
            #expect(stored.header?.codec == "backwards")
            #expect(stored.payload == ByteBuffer(string: "cba"))
            let notes = Notes<String>()
            try await arena.node(client: client, handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
            try await arena.log.wait { $0.isAck }
            #expect(notes.all == ["abc"])
        }
    }

    @Test func `every way of enqueueing goes through the codec`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: Backwards())
            var ids = [try await client.enqueue(Note(text: "one"), on: arena.queue).id]
            ids += try await client.enqueue([Note(text: "two"), Note(text: "three")], on: arena.queue).map(\.id)
            for id in ids { #expect(try await arena.detail(id).header?.codec == "backwards") }
        }
    }

    @Test func `what a codec leaves alone is a job as any other`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: Backwards())
            let id = try await client.enqueue(payload: ByteBuffer(), type: "note", on: arena.queue).id
            #expect(try await arena.detail(id).header?.codec == nil)
            try await arena.node(handlers: ["note": Handler { _ in }])
            try await arena.log.wait { $0.isAck }
        }
    }

    @Test func `a codec that throws refuses the enqueue, and its error is the cause`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: Backwards(error: Oops()))
            let error = await #expect(throws: StintError.self) {
                try await client.enqueue(payload: ByteBuffer(string: "abc"), on: arena.queue)
            }
            #expect(error?.code == .hookFailed)
            #expect(error?.underlying is Oops)
            #expect(try await arena.stats().enqueuedTotal == 0)
        }
    }

    @Test func `the size limit holds for what is stored`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: keys("a", 1))
            let limit = ByteBuffer(repeating: 0, count: Defaults.maxPayloadBytes)
            let error = await #expect(throws: StintError.self) {
                try await client.enqueue(payload: limit, on: arena.queue)
            }
            #expect(error?.code == .payloadTooLarge)
            try await client.enqueue(payload: limit.getSlice(at: 0, length: limit.readableBytes - 45)!, on: arena.queue)
        }
    }

    @Test func `a node without the key hands the job back unharmed, and one with it runs it`() async throws {
        try await Arena.run { arena in
            let journal = Journal()
            let client = try await arena.newClient(codec: keys("a", 1))
            let id = try await client.enqueue(payload: ByteBuffer(string: "x"), type: "note", on: arena.queue).id
            // None at all, another id, and another key under the same id.
            for (name, codec) in [("none", nil), ("other", try keys("b", 1)), ("namesake", try keys("a", 2))] {
                let without = try await arena.newClient(journal: journal, codec: codec)
                let node = try await arena.node(name, client: without, handlers: ["note": Handler { _ in }])
                try await arena.log.wait { $0.node == name && $0.isRelease }
                node.stop()
                await node.stopped()
                let job = try await arena.detail(id)
                #expect(job.state == .scheduled)
                #expect((job.tries.failures, job.tries.lapses) == (0, 0))
                let wait = try #require(job.whenMs) - job.serverMs
                #expect((20_000...30_000).contains(wait))
                try await arena.makeDue(id)
            }
            #expect(journal.entries("payload cannot be decoded here").count == 3)
            let notes = Notes<String>()
            try await arena.node(client: client, handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
            try await arena.log.wait { $0.isAck }
            #expect(notes.all == ["x"])
        }
    }

    @Test func `a payload that somebody changed, or gave to another job, is buried with the reason`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: keys("a", 1))
            let one = try await client.enqueue(payload: ByteBuffer(string: "x"), type: "note", on: arena.queue).id
            let other = try await client.enqueue(payload: ByteBuffer(string: "y"), type: "note", on: arena.queue).id
            // Each has the record of the other.
            try await arena.send(
                "EVAL",
                """
                local one, other = redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[1], ARGV[2])
                redis.call('HSET', KEYS[1], ARGV[1], other, ARGV[2], one)
                """, "1", arena.key("jobs"), one.rawValue, other.rawValue)
            let notes = Notes<String>()
            try await arena.node(client: client, handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
            try await arena.log.wait(2) { if case .reject = $0.settled?.settle { true } else { false } }
            let job = try await arena.detail(one)
            #expect(job.state == .dead)
            #expect(job.tries.reason.contains("changed after it had been encrypted with key a"))
            #expect(notes.all.isEmpty)
        }
    }

    @Test func `a node that refuses plain payloads buries them, any other runs them`() async throws {
        try await Arena.run { arena in
            let id = try await arena.enqueue("note", "plain")
            let strict = try await arena.newClient(codec: Backwards(refusesPlain: true))
            let node = try await arena.node("strict", client: strict, handlers: ["note": Handler { _ in }])
            try await arena.log.wait { if case .reject = $0.settled?.settle { true } else { false } }
            node.stop()
            await node.stopped()
            #expect(try await arena.detail(id).tries.reason.contains("not encoded"))
            try await arena.client.redrive(id, on: arena.queue)
            let lenient = try await arena.newClient(codec: Backwards())
            try await arena.node("lenient", client: lenient, handlers: ["note": Handler { _ in }])
            try await arena.log.wait { $0.node == "lenient" && $0.isAck }
        }
    }

    @Test func `what else a codec throws is a failure as one of the handler`() async throws {
        try await Arena.run { arena in
            let id = try await arena.newClient(codec: Backwards()).enqueue(
                payload: ByteBuffer(string: "x"), type: "note", on: arena.queue
            ).id
            let client = try await arena.newClient(codec: Backwards(error: Oops()))
            try await arena.node(client: client, handlers: ["note": Handler(retry: .fixed(.seconds(60))) { _ in }])
            try await arena.log.wait { $0.settled?.settle.givesBack == true }
            let job = try await arena.detail(id)
            #expect((job.state, job.tries.failures) == (.scheduled, 1))
            #expect(job.tries.reason.contains("Oops"))
        }
    }

    @Test func `a sensitive type marks its jobs, and so does the option`() async throws {
        try await Arena.run { arena in
            let client = arena.client
            let marked = try await client.enqueue(Secret(word: "a"), on: arena.queue).id
            let option = try await client.enqueue(Note(text: "b"), on: arena.queue, .sensitive).id
            let plain = try await client.enqueue(Note(text: "c"), on: arena.queue).id
            #expect(try await arena.detail(marked).header?.isSensitive == true)
            #expect(try await arena.detail(option).header?.isSensitive == true)
            #expect(try await arena.detail(plain).header?.isSensitive == false)
        }
    }

    @Test func `the reason of a sensitive payload that cannot be read does not quote it`() async throws {
        try await Arena.run { arena in
            for type in ["secret", "note"] {
                let number = ByteBuffer(string: #"{"word":4111,"text":4111}"#)
                try await arena.client.enqueue(payload: number, type: JobType(type), on: arena.queue)
            }
            let reasons = Notes<String>()
            let node = try StintNode(arena.client, queues: [arena.queue], middleware: [Reasons(notes: reasons)]) {
                Secret.handler { _, _ in }
                Note.handler { _, _ in }
            }
            let running = RunningNode(node)
            #expect(await eventually { reasons.all.count == 2 })
            running.stop()
            await running.stopped()
            #expect(reasons.all.count { $0.hasSuffix("details are left out, it is sensitive") } == 1)
            #expect(reasons.all.count { $0.contains("typeMismatch") } == 1)
        }
    }

    @Test func `a context says which job it is and never what it carries`() async throws {
        try await Arena.run { arena in
            let texts = Notes<String>()
            try await arena.enqueue("note", "4111")
            try await arena.node(handlers: ["note": Handler { texts.add("\($0)") }])
            try await arena.log.wait { $0.isAck }
            #expect(texts.all.first?.contains("type note, attempt 1") == true)
            #expect(texts.all.first?.contains("4111") == false)
            #expect(texts.all.first?.contains("34313131") == false)
        }
    }
}

private struct Note: JobPayload {
    static let type = "note"
    var text: String
}

private struct Secret: JobPayload {
    static let type = "secret"
    static var isSensitive: Bool { true }
    var word: String
}

private struct Reasons: RunMiddleware {
    let notes: Notes<String>

    func run(_ context: JobContext, next: RunNext) async throws {
        do {
            try await next(context)
        } catch {
            notes.add("\(error)")
            throw error
        }
    }
}
