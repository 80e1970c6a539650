import Foundation
import Logging
import NIOCore
import NIOPosix
import StintLocal
import StintRedis

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A private server of the test kit, which dies with its last reference.
///
/// - Parameter lines: what stands in its redis.conf besides.
func startRedis(_ lines: [String] = [], onTCP: Bool = false) async throws -> PrivateRedis {
    let server = try PrivateRedis(.init(persistence: .none, listensOnTCP: onTCP, configuration: lines))
    try await server.start()
    return server
}

extension PrivateRedis {
    /// Patient: only what waits for an answer that never comes meets these limits.
    func configuration() throws -> RedisConfiguration {
        var configuration = RedisConfiguration(url: try RedisURL(url))
        configuration.connectTimeout = .seconds(60)
        configuration.commandTimeout = .seconds(60)
        configuration.blockingMargin = .seconds(60)
        return configuration
    }
}

/// A free TCP port, as far as anybody can know.
func freePort() -> Int {
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
