import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Encrypted payloads of unique jobs, which may come to stand under the id of another.
    @Suite struct SealedUniqueTests {}
}

extension NodeTests.SealedUniqueTests {
    private func keys() throws -> AEADCodec {
        try AEADCodec(keys: [PayloadKey(id: "a", bytes: Array(repeating: 1, count: 32))])
    }

    /// Runs what there is until something ends.
    private func payloads(_ arena: Arena, _ client: StintClient) async throws -> [String] {
        let notes = Notes<String>()
        try await arena.node(client: client, handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
        try await arena.log.wait { $0.settled != nil }
        return notes.all
    }

    @discardableResult
    private func enqueue(
        _ text: String, _ key: String, _ arena: Arena, _ client: StintClient, until span: UniqueSpan = .untilDone
    ) async throws -> Receipt {
        try await client.enqueue(
            payload: ByteBuffer(string: text), type: "note", on: arena.queue,
            .unique(key, until: span, onConflict: .replace), .in(.seconds(3600)))
    }

    @Test(arguments: [UniqueSpan.untilDone, .untilStarted, .time(.seconds(3600))])
    func `a debounced encrypted job runs with the last payload`(span: UniqueSpan) async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: keys())
            let first = try await enqueue("one", "page; 7 é", arena, client, until: span)
            for text in ["two", "three"] {
                let next = try await enqueue(text, "page; 7 é", arena, client, until: span)
                #expect(next.id == first.id)
            }
            let stored = try await arena.detail(first.id)
            #expect(try await client.payload(of: stored) == ByteBuffer(string: "three"))
            try await arena.makeDue(first.id)
            #expect(try await payloads(arena, client) == ["three"])
            #expect(try await arena.detail(first.id).state == .done)
        }
    }

    @Test func `a payload that is bound to a key is refused under another, and under none`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: keys())
            let one = try await enqueue("one", "a", arena, client).id
            let other = try await enqueue("other", "b", arena, client).id
            let plain = try await client.enqueue(
                payload: ByteBuffer(string: "plain"), type: "note", on: arena.queue, .in(.seconds(3600))
            ).id
            let kept = try await client.enqueue(
                payload: ByteBuffer(string: "kept"), type: "note", on: arena.queue, .unique("c"), .in(.seconds(3600))
            ).id
            #expect(try await arena.detail(kept).header?.sealedKey == nil)
            let sealed = try #require(await arena.detail(one).payload)
            for id in [other, plain, kept] {
                // The payload of the first behind the header that the job has.
                let header = try #require(await arena.detail(id).header)
                let codec = try #require(header.codec)
                let owner = PayloadOwner(queue: arena.queue, id: id, header: header)
                let error = #expect(throws: StintError.self) {
                    try keys().decode(EncodedPayload(sealed, codec: codec), of: owner)
                }
                #expect(error?.code == .tampered)
            }
        }
    }

    @Test func `a node buries a job that was given the payload of another key`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: keys())
            let one = try await enqueue("one", "a", arena, client).id
            let other = try await enqueue("other", "b", arena, client).id
            try await arena.send(
                "EVAL",
                """
                local one, other = redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[1], ARGV[2])
                local header = string.match(other, '^[^\\n]*\\n')
                redis.call('HSET', KEYS[1], ARGV[2], header .. string.sub(one, string.find(one, '\\n', 1, true) + 1))
                """, "1", arena.key("jobs"), one.rawValue, other.rawValue)
            try await arena.makeDue(other)
            #expect(try await payloads(arena, client).isEmpty)
            let job = try await arena.detail(other)
            #expect(job.state == .dead)
            #expect(job.tries.reason.contains("changed after it had been encrypted with key a"))
        }
    }

    @Test func `an encoded payload is not edited, and runs as it was`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: keys())
            let id = try await enqueue("one", "a", arena, client).id
            let text = ByteBuffer(string: "two")
            #expect(try await client.edit(id, on: arena.queue, payload: text) == .encoded)
            #expect(try await arena.client.edit(id, on: arena.queue, payload: text) == .encoded)
            let report = try await client.redrive([id], on: arena.queue, payload: text)
            #expect((report.ready, report.left) == (0, 1))
            try await arena.makeDue(id)
            #expect(try await payloads(arena, client) == ["one"])
        }
    }
}
