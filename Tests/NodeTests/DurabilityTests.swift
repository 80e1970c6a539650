import NIOCore
import Stint
import StintCore
import StintLocal
import StintTesting
import Testing

/// Enqueues that are confirmed by replicas: with a real one, which can be stopped.
@Suite(.timeLimit(.minutes(5)))
struct DurabilityTests {
    private static let queue: QueueName = "durable"

    private func withReplica(_ body: (_ primary: PrivateRedis, _ replica: PrivateRedis) async throws -> Void)
        async throws
    {
        let primary = try PrivateRedis(.init(listensOnTCP: true, configuration: ["repl-diskless-sync-delay 0"]))
        try await primary.start()
        let port = try #require(primary.tcpURL?.split(separator: ":").last)
        let replica = try PrivateRedis(.init(configuration: ["replicaof 127.0.0.1 \(port)"]))
        try await replica.start()
        try await body(primary, replica)
        try await replica.stop()
        try await primary.stop()
    }

    private func client(_ server: PrivateRedis, _ replicas: Int, within: Duration, repeatFor: Duration = .seconds(20))
        async throws -> StintClient
    {
        var target = try RedisTarget.redis(server.url).confirmed(by: Durability(replicas: replicas, within: within))
        target.repeatFor = repeatFor
        return try await StintClient(target)
    }

    private func enqueue(_ client: StintClient, _ id: String) async throws -> Receipt {
        try await client.enqueue(payload: ByteBuffer(string: "x"), on: Self.queue, .id(JobID(id)))
    }

    @Test func `what was confirmed is on the replica when the server dies at that moment`() async throws {
        try await withReplica { primary, replica in
            let client = try await client(primary, 1, within: .seconds(30))
            #expect(try await enqueue(client, "a").isAccepted)
            try await primary.kill()
            await client.close()
            let other = try await StintClient(.redis(replica.url))
            #expect(try await other.state(of: JobID("a"), on: Self.queue) == .ready)
            await other.close()
        }
    }

    @Test func `too few replicas fail it as unconfirmed, although it was accepted, and a repeat does not pass either`()
        async throws
    {
        try await withReplica { primary, replica in
            let client = try await client(primary, 2, within: .milliseconds(50), repeatFor: .milliseconds(1))
            let error = await #expect(throws: StintError.self) { _ = try await enqueue(client, "a") }
            #expect(error?.code == .unconfirmed && error?.message.contains("of 2 replicas") == true)
            #expect(try await client.state(of: JobID("a"), on: Self.queue) == .ready)
            // Nothing is written by this one: the replicas are asked all the same.
            let again = await #expect(throws: StintError.self) { _ = try await enqueue(client, "a") }
            #expect(again?.code == .unconfirmed)
            await client.close()
        }
    }

    @Test func `a replica that stands still holds up the enqueue until it goes on, and nobody else`() async throws {
        try await withReplica { primary, replica in
            let client = try await client(primary, 1, within: .milliseconds(100))
            // The replica may not be there yet: then it is repeated until it is.
            _ = try await enqueue(client, "before")
            replica.freeze()
            async let late = enqueue(client, "late")
            // Everything else goes on meanwhile.
            #expect(
                try await eventually { try await client.state(of: JobID("late"), on: Self.queue) == .ready })
            replica.thaw()
            // Repeated since: its id is found, and it is its own.
            #expect(try await late.id == JobID("late"))
            await client.close()
        }
    }

    @Test func `what is out of range is refused`() {
        for (replicas, within) in [(0, Duration.seconds(1)), (101, .seconds(1)), (1, .zero), (1, .seconds(3601))] {
            #expect(throws: StintError.self) { try Durability(replicas: replicas, within: within) }
        }
    }
}
