import Logging
import NIOPosix
import StintLua
import StintRedis
import StintTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ScriptServerTests {
    @Test func `the server loads every script and computes the hash that we compute`() async throws {
        let server = try await RedisServer.shared()
        let client = RedisClient(
            RedisConfiguration(url: try RedisURL(server.url)), eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test")
        )
        for script in Scripts.all {
            var command = RedisCommand("SCRIPT")
            command.append("LOAD")
            command.append(script.source)
            #expect(try await client.send(command).string == script.sha1, "\(script.name)")
        }
        await client.close()
    }
}
