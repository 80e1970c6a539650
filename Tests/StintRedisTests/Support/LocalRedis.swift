import Foundation
import Logging
import NIOCore
import NIOPosix
import StintRedis

#if canImport(Glibc)
import Glibc
#endif

/// A private redis-server in a directory of its own, on a Unix socket and optionally on a port.
final class LocalRedis: Sendable {
    let directory: String
    private let arguments: [String]
    private let state: Locked<Process>

    var socket: String { "\(directory)/r.sock" }

    init(_ arguments: [String] = [], port: Int = 0, directory: String? = nil) throws {
        self.directory = try directory ?? Self.makeDirectory()
        self.arguments = arguments + ["--port", "\(port)"]
        state = Locked(try Self.launch(self.directory, self.arguments))
        try waitUntilItAnswers()
    }

    deinit {
        state.withLock { process in
            kill(process.processIdentifier, SIGCONT)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    static func makeDirectory() throws -> String {
        let directory = "/tmp/stint-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        return directory
    }

    private static func launch(_ directory: String, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "redis-server", "--unixsocket", "\(directory)/r.sock", "--save", "", "--daemonize", "no", "--dir",
                directory,
            ]
            + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Until a connection to the socket is accepted; a client sorts out the rest.
    private func waitUntilItAnswers() throws {
        for _ in 0..<500 {
            if FileManager.default.fileExists(atPath: socket), connects() { return }
            usleep(10_000)
        }
        throw RedisError(.connectFailed, operation: "start redis-server", message: "it did not come up")
    }

    private func connects() -> Bool {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    func signal(_ number: Int32) {
        state.withLock { _ = kill($0.processIdentifier, number) }
    }

    /// Kills the server and waits for its end.
    func crash() {
        state.withLock { process in
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        unlink(socket)
    }

    func restart() throws {
        let process = try Self.launch(directory, arguments)
        state.withLock { $0 = process }
        try waitUntilItAnswers()
    }

    func configuration() throws -> RedisConfiguration {
        RedisConfiguration(url: try RedisURL("redis+unix://\(socket)"))
    }

    /// A free TCP port, as far as anybody can know.
    static func freePort() -> Int {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// A value behind a lock.
final class Locked<Value>: @unchecked Sendable {
    // Unchecked because the lock, which every access takes, is what makes it safe.
    private var value: Value
    private let lock = NSLock()

    init(_ value: Value) {
        self.value = value
    }

    func withLock<T>(_ body: (inout Value) throws -> T) rethrows -> T {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}

/// Runs `body` with a client and closes it.
func withClient<T>(
    _ configuration: RedisConfiguration,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (RedisClient) async throws -> T
) async throws -> T {
    let client = RedisClient(configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

func command(_ name: StaticString, _ arguments: String...) -> RedisCommand {
    var command = RedisCommand(name)
    command.append(contentsOf: arguments)
    return command
}

/// The error that `body` throws, or nil.
func redisError(_ body: () async throws -> Void) async -> RedisError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? RedisError
    }
}
