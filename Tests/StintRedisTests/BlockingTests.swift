import StintLocal
import StintRedis
import Testing

@Suite(.timeLimit(.minutes(5))) struct BlockingTests {
    private let server: PrivateRedis

    init() async throws {
        server = try await startRedis()
    }

    private func blocked(_ client: RedisClient, _ count: Int) async throws {
        try await until {
            try await client.send(command("INFO", "clients")).string?.contains("blocked_clients:\(count)\r\n") == true
        }
    }

    @Test func `a blocked command is woken by a push, and other commands pass it`() async throws {
        try await withClient(server.configuration()) { client in
            async let popped = client.block(command("BLPOP", "list", "60"), upTo: .seconds(60))
            try await blocked(client, 1)
            _ = try await client.send(command("RPUSH", "list", "job"))
            #expect(try await popped.children.map(\.string) == ["list", "job"])
            #expect(client.connectionEpoch == 1)
        }
    }

    @Test func `a blocked command that nobody wakes ends with null, and the connection stays`() async throws {
        try await withClient(server.configuration()) { client in
            for _ in 0..<2 {
                let reply = try await client.block(command("BLPOP", "list", "0.01"), upTo: .milliseconds(10))
                #expect(reply.isNull)
            }
            let clients = try await client.send(command("CLIENT", "LIST")).string ?? ""
            #expect(clients.split(separator: "\n").count == 2)
        }
    }

    @Test func `a second blocking command waits for the first`() async throws {
        try await withClient(server.configuration()) { client in
            async let first = client.block(command("BLPOP", "one", "60"), upTo: .seconds(60))
            try await blocked(client, 1)
            async let second = client.block(command("BLPOP", "two", "60"), upTo: .seconds(60))
            _ = try await client.send(command("RPUSH", "two", "b"))
            _ = try await client.send(command("RPUSH", "one", "a"))
            #expect(try await first[1].string == "a")
            #expect(try await second[1].string == "b")
        }
    }

    @Test func `cancelling the task ends the wait, and the next blocking command works`() async throws {
        try await withClient(server.configuration()) { client in
            let task = Task {
                await redisError { _ = try await client.block(command("BLPOP", "list", "60"), upTo: .seconds(60)) }
            }
            try await blocked(client, 1)
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(error?.operation == "BLPOP list")
            try await blocked(client, 0)
            _ = try await client.send(command("RPUSH", "list", "job"))
            #expect(try await client.block(command("BLPOP", "list", "1"), upTo: .seconds(1))[1].string == "job")
        }
    }

    @Test func `a task that was cancelled before does not wait at all`() async throws {
        try await withClient(server.configuration()) { client in
            let error = await withTaskGroup(of: RedisError?.self) { group in
                group.cancelAll()
                group.addTask {
                    await redisError { _ = try await client.block(command("BLPOP", "list", "60"), upTo: .seconds(60)) }
                }
                return await group.next() ?? nil
            }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveRun == false)
        }
    }

    @Test func `a command that waits its turn can be cancelled, and the one before it is not disturbed`() async throws {
        try await withClient(server.configuration()) { client in
            async let first = client.block(command("BLPOP", "one", "60"), upTo: .seconds(60))
            try await blocked(client, 1)
            let task = Task {
                await redisError { _ = try await client.block(command("BLPOP", "two", "60"), upTo: .seconds(60)) }
            }
            task.cancel()
            #expect(await task.value?.mayHaveRun == false)
            _ = try await client.send(command("RPUSH", "one", "a"))
            #expect(try await first[1].string == "a")
        }
    }

    @Test func `closing the client ends a blocked command`() async throws {
        try await withClient(server.configuration()) { client in
            let task = Task {
                await redisError { _ = try await client.block(command("BLPOP", "list", "60"), upTo: .seconds(60)) }
            }
            try await blocked(client, 1)
            await client.close()
            #expect(await task.value?.code == .closed)
        }
    }

    @Test func `a server that hangs beyond the time of the command costs a timeout`() async throws {
        var configuration = try server.configuration()
        configuration.blockingMargin = .milliseconds(50)
        try await withClient(configuration) { client in
            // The server waits longer than we were told it would.
            let error = await redisError {
                _ = try await client.block(command("BLPOP", "list", "60"), upTo: .milliseconds(10))
            }
            #expect(error?.code == .timeout)
            #expect(error?.mayHaveRun == true)
        }
    }
}
