import NIOCore
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// What an encrypted job leaves in Redis besides its payload.
    @Suite struct SealedValueTests {}
}

private struct Card: ResultJob {
    static let type = "card"
    var number: String

    func run(_ context: JobContext) async throws -> String { "paid by " + number }
}

private struct Oops: Error {}

extension NodeTests.SealedValueTests {
    private static let secret = "4111"

    private func codec(_ ids: String..., refusesPlain: Bool = false) throws -> AEADCodec {
        try AEADCodec(
            keys: ids.map { try PayloadKey(id: $0, bytes: Array(repeating: $0.utf8.first ?? 0, count: 32)) },
            refusesPlain: refusesPlain)
    }

    /// A key of the queue, as bytes.
    private func stored(_ arena: Arena, _ name: String, _ field: JobID) async throws -> String {
        let reply = try await arena.send("HGET", arena.key(name), field.rawValue)
        return String(decoding: try #require(reply.bytes).readableBytesView, as: UTF8.self)
    }

    private func serving(_ arena: Arena, _ client: StintClient, _ body: () async throws -> Void) async throws {
        try await arena.serving(by: client, { Card.self }, body)
    }

    private func code(_ body: () async throws -> Void) async -> StintError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? StintError)?.code
        }
    }

    @Test func `the result of an encrypted job is encrypted, and read by who has the key`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: codec("a"))
            let stranger = try await arena.newClient(codec: codec("b"))
            try await serving(arena, client) {
                let receipt = try await client.enqueue(Card(number: Self.secret), on: arena.queue)
                #expect(try await receipt.value == "paid by 4111")
                #expect(
                    try await client.result(of: receipt.id, on: arena.queue) == ByteBuffer(string: "\"paid by 4111\""))
                let bytes = try await stored(arena, "results", receipt.id)
                #expect(bytes.hasPrefix("\0stint aes-gcm:a:") && !bytes.contains(Self.secret))
                for other in [arena.client, stranger] {
                    #expect(
                        await code { _ = try await other.result(of: receipt.id, on: arena.queue) } == .keyMissing)
                    #expect(
                        await code { _ = try await other.value(of: receipt.id, on: arena.queue, as: String.self) }
                            == .keyMissing)
                }
            }
        }
    }

    @Test func `the result of another job, and one that is not encrypted, are not taken for it`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: codec("a", refusesPlain: true))
            try await serving(arena, client) {
                let one = try await client.enqueue(Card(number: "1"), on: arena.queue)
                let other = try await client.enqueue(Card(number: "2"), on: arena.queue)
                _ = try await (one.value, other.value)
                let bytes = try await arena.send("HGET", arena.key("results"), one.id.rawValue)
                var set = RedisCommand("HSET")
                set.append(arena.key("results"))
                set.append(other.id.rawValue)
                set.append(try #require(bytes.bytes))
                _ = try await arena.client.store.client.send(set)
                #expect(await code { _ = try await other.value } == .tampered)
                for forged in ["\"paid\"", "\0stint  \n\"paid\"", "\0stint x\n", "\0stint a b c\n", "\0stint x /\n1"] {
                    try await arena.send("HSET", arena.key("results"), other.id.rawValue, forged)
                    #expect(await code { _ = try await other.value } == .tampered, "\(forged)")
                }
            }
        }
    }

    @Test func `steps and checkpoints of an encrypted job are encrypted, and reach its next run`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient(codec: codec("a"))
            let notes = Notes<String>()
            let handler = Handler(retry: .fixed(.milliseconds(1))) { context in
                let step = try await context.once("charge") { _ in "step " + String(buffer: context.payload) }
                let checkpoint = try await context.checkpoint(as: String.self)
                notes.add("\(step), \(checkpoint ?? "-")")
                guard context.attempt == 1 else { return }
                try await context.checkpoint("point " + String(buffer: context.payload))
                let bytes =
                    try await stored(arena, "effects", context.id) + stored(arena, "checkpoints", context.id)
                #expect(!bytes.contains(Self.secret) && bytes.contains("\0stint aes-gcm:a:"))
                throw Oops()
            }
            _ = try await client.enqueue(payload: ByteBuffer(string: Self.secret), type: "card", on: arena.queue)
            try await arena.node(client: client, handlers: ["card": handler])
            try await arena.log.wait { $0.isAck }
            #expect(notes.all == ["step 4111, -", "step 4111, point 4111"])
        }
    }

    @Test func `a job whose checkpoint cannot be decrypted here is handed back, and no failure is counted`()
        async throws
    {
        try await Arena.run { arena in
            let notes = Notes<StintError.Code>()
            let handler = Handler(retry: .fixed(.seconds(3600))) { context in
                do {
                    guard try await context.loadCheckpoint() == nil else { return }
                } catch let error as StintError {
                    notes.add(error.code)
                    throw error
                }
                try await context.saveCheckpoint(ByteBuffer(string: "here"))
                throw Oops()
            }
            let old = try await arena.newClient(codec: codec("old"))
            let receipt = try await old.enqueue(payload: ByteBuffer(string: "x"), type: "card", on: arena.queue)
            let rotated = try await arena.node(
                "rotated", client: try await arena.newClient(codec: codec("new", "old")), handlers: ["card": handler])
            try await arena.log.wait { $0.settled != nil }
            rotated.stop()
            await rotated.stopped()
            try await arena.node("behind", client: old, handlers: ["card": handler])
            _ = try await arena.client.reschedule(receipt.id, on: arena.queue, to: .after(.zero))
            let released = try await arena.log.wait { $0.node == "behind" && $0.settled != nil }
            #expect(released.settled?.settle == .release(after: .seconds(30)))
            #expect(notes.all == [.keyMissing])
            #expect(try await arena.detail(receipt.id).tries.failures == 1)
        }
    }

    @Test func `what looks like an encrypted value and is none comes back as it was`() async throws {
        try await Arena.run { arena in
            let bytes = ByteBuffer(string: "\0stint aes-gcm:a:0 card\nx")
            let receipt = try await arena.client.enqueue(
                payload: bytes, type: "echo", on: arena.queue, .keepResult(for: .seconds(60)))
            let handler = Handler { context in
                try await context.saveCheckpoint(bytes)
                try await context.setResult(context.loadCheckpoint() ?? ByteBuffer())
            }
            try await arena.node(handlers: ["echo": handler])
            #expect(try await arena.client.result(of: receipt.id, on: arena.queue, within: nil) == bytes)
        }
    }

    @Test func `what belongs to one part of a job is refused as another`() throws {
        let codec = try codec("a")
        let parts: [PayloadOwner.Part] = [.payload, .result, .checkpoint, .step("result"), .step("a"), .step("b")]
        func owner(_ part: PayloadOwner.Part) -> PayloadOwner {
            PayloadOwner(queue: "mail", id: JobID(unchecked: "7"), type: "card", part: part)
        }
        for part in parts {
            let sealed = try #require(try codec.encode(ByteBuffer(string: "x"), of: owner(part)))
            for other in parts where other != part {
                let error = #expect(throws: StintError.self) { try codec.decode(sealed, of: owner(other)) }
                #expect(error?.code == .tampered)
            }
            #expect(try codec.decode(sealed, of: owner(part)) == ByteBuffer(string: "x"))
        }
    }
}
