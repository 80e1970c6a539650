import Foundation
import StintLocal
import StintTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct PrivateRedisTests {
    @Test func `a server answers on its socket and, when asked to, on a port`() async throws {
        let server = try PrivateRedis(.init(listensOnTCP: true))
        #expect(server.pid == nil)
        try await server.start()
        let pid = try #require(server.pid)
        #expect(kill(pid, 0) == 0)
        #expect(try ask(server, "PING") == .text("PONG"))
        let port = try #require(server.tcpURL).split(separator: ":").last
        #expect(try info(server, "tcp_port") == port.map(String.init))
        try await server.stop()
    }

    @Test func `stop ends the process and removes the directory`() async throws {
        let server = try PrivateRedis()
        try await server.start()
        let pid = try #require(server.pid)
        try await server.stop()
        #expect(kill(pid, 0) != 0)
        #expect(server.pid == nil)
        #expect(!FileManager.default.fileExists(atPath: server.directory))
        try await server.stop()
    }

    @Test func `a restart after a kill keeps what was written with AOF always`() async throws {
        let server = try PrivateRedis(.init(persistence: .aofAlways, listensOnTCP: true))
        try await server.start()
        let (pid, url) = (server.pid, server.tcpURL)
        #expect(try ask(server, "SET", "name", "value") == .text("OK"))
        try await server.kill()
        #expect(server.pid == nil)
        #expect(throws: LocalRedisError.self) { try ask(server, "PING") }
        try await server.restart()
        #expect(server.pid != pid)
        #expect(server.tcpURL == url)
        #expect(try ask(server, "GET", "name") == .text("value"))
        try await server.stop()
    }

    @Test func `a frozen server accepts and is silent until it thaws`() async throws {
        let server = try PrivateRedis()
        try await server.start()
        server.freeze()
        var connection = try RawRedis(socketPath: server.socketPath, timeout: .milliseconds(50))
        let refusal = #expect(throws: LocalRedisError.self) { try connection.call("PING") }
        #expect(refusal?.code == .notAnswering)
        server.thaw()
        #expect(try ask(server, "PING") == .text("PONG"))
        server.freeze()
        try await server.stop()
    }

    @Test func `extra lines and variables reach the server`() async throws {
        let server = try PrivateRedis(
            .init(configuration: ["maxmemory 12345678"], environment: ["LD_PRELOAD": "/nowhere/shim.so"]))
        try await server.start()
        #expect(try info(server, "maxmemory") == "12345678")
        #if canImport(Glibc)
        // /proc does not tell: Redis overwrites its environment. The dynamic loader does.
        #expect(server.log.contains("/nowhere/shim.so"))
        #endif
        try await server.stop()
    }

    @Test func `a server that cannot start says why at once`() async throws {
        let server = try PrivateRedis(.init(configuration: ["no-such-directive yes"]))
        let error = await #expect(throws: LocalRedisError.self) { try await server.start() }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("no-such-directive") == true)
        try await server.stop()
    }

    @Test func `a server of a process that is killed dies with it and leaves no files`() async throws {
        let result = await #expect(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let server = try PrivateRedis()
            try await server.start()
            server.freeze()
            print("\n@", server.pid ?? 0, server.directory)
            fflush(nil)
            kill(getpid(), SIGKILL)
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        let words = try #require(output.split(separator: "\n").first { $0.hasPrefix("@") }).split(separator: " ")
        let (pid, directory) = (try #require(Int32(words[1])), String(words[2]))
        #expect(pid > 1)
        #expect(await eventually { kill(pid, 0) != 0 })
        #expect(await eventually { !FileManager.default.fileExists(atPath: directory) })
    }

    @Test func `a server that nobody holds any more dies`() async throws {
        var server: PrivateRedis? = try PrivateRedis()
        try await server?.start()
        let (pid, directory) = (try #require(server?.pid), try #require(server?.directory))
        server = nil
        #expect(await eventually { kill(pid, 0) != 0 && !FileManager.default.fileExists(atPath: directory) })
    }
}

@discardableResult
private func ask(_ server: PrivateRedis, _ words: String...) throws -> RawRedis.Reply {
    var connection = try RawRedis(socketPath: server.socketPath, timeout: .seconds(60))
    return switch words.count {
    case 1: try connection.call(words[0])
    case 2: try connection.call(words[0], words[1])
    default: try connection.call(words[0], words[1], words[2])
    }
}

private func info(_ server: PrivateRedis, _ field: String) throws -> String? {
    guard case .text(let text) = try ask(server, "INFO") else { return nil }
    return text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(field + ":") }
        .map { String($0.dropFirst(field.count + 1)) }
}
