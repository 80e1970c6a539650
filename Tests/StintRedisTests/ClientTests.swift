import Glibc
import Logging
import NIOCore
import StintLocal
import StintRedis
import Testing

@Suite(.timeLimit(.minutes(5))) struct ClientTests {
    private let server: PrivateRedis

    init() async throws {
        server = try await startRedis()
    }

    @Test func `replies of every type come back as what they are`() async throws {
        try await withClient(server.configuration()) { client in
            try await client.connect()
            #expect(try await client.send(command("SET", "k", "value of k")).string == "OK")
            let value = try await client.send(command("GET", "k"))
            #expect(value.kind == .bulk)
            #expect(value.string == "value of k")
            #expect(value.bytes == ByteBuffer(string: "value of k"))
            #expect(try await client.send(command("GET", "none")).kind == .null)
            #expect(try await client.send(command("INCR", "n")).integer == 1)
            #expect(try await client.send(command("GET", "n")).integer == 1)
            let list = try await client.send(command("MGET", "k", "none", "n"))
            #expect(list.children.map(\.string) == ["value of k", nil, "1"])
        }
    }

    @Test func `an error reply is thrown with its code and the key`() async throws {
        try await withClient(server.configuration()) { client in
            _ = try await client.send(command("SET", "text", "x"))
            let error = await redisError { _ = try await client.send(command("LPUSH", "text", "secret payload")) }
            #expect(error?.code == .wrongType)
            #expect(error?.operation == "LPUSH text")
            #expect(error?.mayHaveRun == false)
            #expect(error?.description.contains("payload") == false)
        }
    }

    @Test func `64 callers on one connection each get their own replies`() async throws {
        try await withClient(server.configuration()) { client in
            let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
                for caller in 0..<64 {
                    group.addTask {
                        var wrong = 0
                        for round in 0..<100 {
                            let text = "\(caller)-\(round)"
                            if try await client.send(command("ECHO", text)).string != text { wrong += 1 }
                        }
                        return wrong
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(wrong == 0)
            let clients = try await client.send(command("CLIENT", "LIST")).string ?? ""
            #expect(clients.split(separator: "\n").count == 1)
        }
    }

    @Test func `commands of one event loop tick are answered in the order of submission`() async throws {
        try await withClient(server.configuration()) { client in
            let futures = (0..<1000).map { _ in client.submit(command("INCR", "order")) }
            for (index, future) in futures.enumerated() {
                let reply = try await future.get()
                #expect(reply.integer == Int64(index + 1))
            }
        }
    }

    @Test func `a large value survives both ways`() async throws {
        try await withClient(server.configuration()) { client in
            let large = [UInt8](repeating: 0xfe, count: 5_000_001)
            var set = RedisCommand("SET", reserving: large.count)
            set.append("large")
            set.append(large)
            _ = try await client.send(set)
            #expect(try await client.send(command("GET", "large")).bytes == ByteBuffer(bytes: large))
            #expect(try await client.send(command("PING")).string == "PONG")
        }
    }

    @Test func `a script is called by its hash, and by its source once when the server has forgotten it`() async throws
    {
        let source = "return {KEYS[1], ARGV[1], #ARGV}"
        try await withClient(server.configuration()) { client in
            let sha = try await client.send(command("SCRIPT", "LOAD", source)).string ?? ""
            let script = RedisScript(name: "probe", source: source, sha1: sha)
            for (flush, fallbacks) in [(false, 0), (true, 1), (false, 1)] {
                if flush { _ = try await client.send(command("SCRIPT", "FLUSH")) }
                let reply = try await client.call(script, keys: ["key"]) { arguments in
                    arguments.append("one")
                    arguments.append(2)
                }
                #expect(reply[0].string == "key")
                #expect(reply[1].string == "one")
                #expect(reply[2].integer == 2)
                #expect(client.scriptFallbacks == fallbacks)
            }
        }
    }

    @Test func `a script that fails is named, and is not called twice`() async throws {
        let source = "redis.call('INCR', KEYS[1]) return redis.call('NONSENSE')"
        try await withClient(server.configuration()) { client in
            let sha = try await client.send(command("SCRIPT", "LOAD", source)).string ?? ""
            let script = RedisScript(name: "broken", source: source, sha1: sha)
            let error = await redisError { _ = try await client.call(script, keys: ["count"]) { _ in } }
            #expect(error?.code == .scriptError)
            #expect(error?.operation == "broken count")
            #expect(try await client.send(command("GET", "count")).integer == 1)
        }
    }

    @Test func `the database and the name of the configuration are set`() async throws {
        var configuration = try server.configuration()
        configuration.url.database = 3
        configuration.clientName = "node 1"
        try await withClient(configuration) { client in
            let info = try await client.send(command("CLIENT", "INFO")).string ?? ""
            #expect(info.contains(" db=3 "))
            #expect(info.contains(" name=node-1 "))
        }
    }

    @Test func `a closed client refuses, and what was sent before still gets its reply`() async throws {
        let configuration = try server.configuration()
        try await withClient(configuration) { client in
            try await client.connect()
            let before = client.submit(command("ECHO", "before"))
            await client.close()
            #expect(try await before.get().string == "before")
            let afterwards = await redisError { _ = try await client.send(command("PING")) }
            #expect(afterwards?.code == .closed)
            let again = await redisError { try await client.connect() }
            #expect(again?.code == .closed)
            await client.close()
        }
    }
}
