import Glibc
import Logging
import NIOCore
import StintLocal
import StintRedis
import Testing

/// What callers see when the server refuses, disappears, hangs or comes back.
@Suite(.timeLimit(.minutes(5))) struct FailureTests {
    private let server: PrivateRedis

    init() async throws {
        server = try await startRedis()
    }

    @Test func `a connection that is killed fails what was sent, and says that it may have run`() async throws {
        try await withClient(server.configuration()) { client in
            let id = try await client.send(command("CLIENT", "ID")).integer ?? 0
            try await withClient(server.configuration()) { other in
                // Commands of a paused server are read and not answered.
                _ = try await other.send(command("CLIENT", "PAUSE", "600000", "WRITE"))
                async let first = redisError { _ = try await client.send(command("INCR", "a")) }
                async let second = redisError { _ = try await client.send(command("INCR", "b")) }
                try await until {
                    try await other.send(command("INFO", "clients")).string?.contains("blocked_clients:1\r\n") == true
                }
                _ = try await other.send(command("CLIENT", "KILL", "ID", "\(id)"))
                _ = try await other.send(command("CLIENT", "UNPAUSE"))
                for error in [await first, await second] {
                    #expect(error?.code == .connectionLost)
                    #expect(error?.mayHaveRun == true)
                    #expect(error?.disposition == .reconnect)
                }
            }
            #expect(try await client.send(command("PING")).string == "PONG")
            #expect(client.connectionEpoch == 2)
        }
    }

    @Test func `a wrong password fails connect and every command at once, and a right one works`() async throws {
        let server = try await startRedis(["requirepass right-canary"])
        var configuration = try server.configuration()
        configuration.url.password = Secret("wrong-canary")
        try await withClient(configuration) { client in
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .wrongPass)
            #expect(error?.description.contains("canary") == false)
            let sent = await redisError { _ = try await client.send(command("GET", "k")) }
            #expect(sent?.code == .wrongPass)
            #expect(sent?.mayHaveRun == false)
        }
        configuration.url.password = nil
        try await withClient(configuration) { client in
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .noAuth)
        }
        configuration.url.password = Secret("right-canary")
        try await withClient(configuration) { try await $0.connect() }
    }

    @Test func `a user without a permission is told so, and the connection stays`() async throws {
        let server = try await startRedis(["user job on >pw ~* +@read +select +auth"])
        var configuration = try server.configuration()
        configuration.url.username = "job"
        configuration.url.password = Secret("pw")
        configuration.clientName = "may-not-be-set"
        try await withClient(configuration) { client in
            let error = await redisError { _ = try await client.send(command("SET", "k", "v")) }
            #expect(error?.code == .noPermission)
            let value = try await client.send(command("GET", "k"))
            #expect(value.isNull)
            #expect(client.connectionEpoch == 1)
        }
    }

    @Test func `connecting to nothing fails with the reason when the time is over`() async throws {
        var configuration = RedisConfiguration(url: try RedisURL("redis://127.0.0.1:1"))
        configuration.connectTimeout = .seconds(2)
        configuration.commandTimeout = .seconds(1)
        try await withClient(configuration) { client in
            let start = ContinuousClock.now
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("refused") == true)
            #expect(ContinuousClock.now - start >= .seconds(2))
            let sent = await redisError { _ = try await client.send(command("GET", "k")) }
            #expect(sent?.code == .connectFailed)
            #expect(sent?.operation == "GET k")
            #expect(sent?.mayHaveRun == false)
        }
    }

    @Test func `a socket that is not there fails with the reason`() async throws {
        var configuration = RedisConfiguration(url: try RedisURL("unix:///tmp/stint-no-such.sock"))
        configuration.connectTimeout = .seconds(1)
        try await withClient(configuration) { client in
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("No such file") == true)
        }
    }

    @Test func `commands issued while the server is away run when it is back, and the outage is logged once`()
        async throws
    {
        let log = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in RecordingLog(lines: log) }
        try await withClient(server.configuration(), logger: logger) { client in
            try await client.connect()
            try await server.kill()
            async let waiting = client.send(command("INCR", "n"))
            // At least one attempt fails before the server is back.
            try await until { log.withLock { $0.count == 1 } }
            try await server.restart()
            #expect(try await waiting.integer == 1)
            #expect(client.connectionEpoch == 2)
            #expect(log.withLock { $0 } == ["warning redis connection lost", "warning redis connection restored"])
        }
    }

    @Test func `a server that hangs costs a timeout, and works again afterwards`() async throws {
        try await withClient(server.configuration()) { client in
            try await client.connect()
            server.freeze()
            let other = client.submit(command("INCR", "other"), timeout: .seconds(100))
            let error = await redisError {
                _ = try await client.send(command("INCR", "n"), timeout: .milliseconds(100))
            }
            #expect(error?.code == .timeout)
            #expect(error?.mayHaveRun == true)
            // The replies of that connection cannot be trusted any more, so its other commands end too.
            let collateral = await redisError { _ = try await other.get() }
            #expect(collateral?.code == .connectionLost)
            server.thaw()
            #expect(try await client.send(command("PING")).string == "PONG")
        }
    }

    @Test func `connecting to a server that accepts and says nothing fails when the time is over`() async throws {
        var configuration = try server.configuration()
        configuration.connectTimeout = .milliseconds(100)
        server.freeze()
        try await withClient(configuration) { client in
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("no answer within 0.1 seconds") == true)
        }
    }

    @Test func `a replica's refusal reaches the caller and drops the connection`() async throws {
        try await withClient(server.configuration()) { client in
            _ = try await client.send(command("REPLICAOF", "127.0.0.1", "1"))
            let error = await redisError { _ = try await client.send(command("SET", "k", "v")) }
            #expect(error?.code == .readOnly)
            #expect(error?.disposition == .reconnect)
            _ = try await client.send(command("REPLICAOF", "NO", "ONE"))
            #expect(client.connectionEpoch == 2)
        }
    }

    @Test func `a server that does not speak RESP is a protocol error`() async throws {
        var configuration = try server.configuration()
        configuration.maxReplyBytes = 100
        try await withClient(configuration) { client in
            _ = try await client.send(command("SET", "k", String(repeating: "x", count: 200)))
            let error = await redisError { _ = try await client.send(command("GET", "k")) }
            #expect(error?.code == .protocolError)
            #expect(error?.mayHaveRun == true)
            #expect(try await client.send(command("PING")).string == "PONG")
        }
    }
}

/// Asks again and again, giving way in between, until the answer is yes.
func until(_ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            Issue.record("what was waited for did not happen in a minute")
            return
        }
        await Task.yield()
    }
}

struct RecordingLog: LogHandler {
    let lines: Locked<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level) \(event.message)") }
    }
}
