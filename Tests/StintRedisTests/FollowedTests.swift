import StintLocal
import StintRedis
import Testing

/// Calls with others right behind them on the same connection.
@Suite(.timeLimit(.minutes(5))) struct FollowedTests {
    private static let script = RedisScript(
        name: "add", source: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
        sha1: "cb30b4a2e53a3a4ea69ca4e4b7e2b1e8c1f6d0e5")

    private func add(_ number: Int, _ client: RedisClient, then followers: RedisCommand...) async throws
        -> (Int64?, [RedisReply])
    {
        let (reply, rest) = try await client.call(
            Self.script, keys: ["sum"], followedBy: followers, followersTimeout: .seconds(20)
        ) { $0.append(number) }
        return (reply.integer, rest)
    }

    @Test func `the followers run behind the script, on one connection that is not the others'`() async throws {
        let server = try await startRedis()
        try await withClient(server.configuration()) { client in
            let id = try await client.send(command("CLIENT", "ID")).integer
            let (sum, rest) = try await add(5, client, then: command("GET", "sum"), command("CLIENT", "ID"))
            #expect(sum == 5 && rest[0].string == "5")
            #expect(rest[1].integer != nil && rest[1].integer != id)
            let (again, more) = try await add(2, client, then: command("CLIENT", "ID"))
            #expect(again == 7 && more[0].integer == rest[1].integer)
            // The hash is not that of the source, so that each call is sent a second time, and runs once.
            #expect(client.scriptFallbacks == 2)
        }
    }

    @Test func `a follower that waits in the server holds up nobody else`() async throws {
        let server = try await startRedis()
        try await withClient(server.configuration()) { client in
            async let waiting = add(1, client, then: command("BLPOP", "list", "15"))
            while try await client.send(command("GET", "sum")).string != "1" { await Task.yield() }
            _ = try await client.send(command("LPUSH", "list", "x"))
            #expect(try await waiting.1[0].children.map(\.string) == ["list", "x"])
        }
    }

    @Test func `an error of the script is thrown, and so is one of a follower, which says that the script ran`()
        async throws
    {
        let server = try await startRedis()
        try await withClient(server.configuration()) { client in
            _ = try await client.send(command("SET", "text", "x"))
            let follower = await redisError { _ = try await add(1, client, then: command("LPUSH", "text", "x")) }
            #expect(follower?.code == .wrongType && follower?.mayHaveRun == true)
            #expect(try await client.send(command("GET", "sum")).string == "1")
            _ = try await client.send(command("SET", "sum", "no number"))
            let script = await redisError { _ = try await add(1, client, then: command("GET", "text")) }
            #expect(script?.operation.hasPrefix("add") == true && script?.mayHaveRun == false)
        }
    }

    @Test func `a closed client refuses them as unsent`() async throws {
        let server = try await startRedis()
        try await withClient(server.configuration()) { client in
            await client.close()
            let error = await redisError { _ = try await add(1, client, then: command("GET", "sum")) }
            #expect(error?.code == .closed && error?.mayHaveRun == false)
        }
    }
}
