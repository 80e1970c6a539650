import StintLocal

/// A real `redis-server` for tests: on a Unix socket in a temporary directory, seen by nobody else, gone with the test
/// process however that ends. `redis-server` 7.0 or newer must be installed.
///
/// ```swift
/// let server = try await RedisServer.shared()
/// let client = try await StintClient(.redis(server.url))
/// try await client.enqueue(SendReceipt(order: 7), on: RedisServer.uniqueQueue())
/// ```
public final class RedisServer: Sendable {
    /// What of its data the server keeps when it is killed.
    public enum Persistence: Sendable {
        /// Nothing; the fastest, and the default.
        case none
        /// Every write that was answered.
        case aofAlways
        /// Every write that was answered, unless the machine itself crashes.
        case aofEverysec
    }

    private let server: PrivateRedis
    private static let common = SharedServer()

    private init(_ server: PrivateRedis) { self.server = server }

    /// The one server that all tests of this process share. It is started by the first call. Do not stop, kill or
    /// freeze it; start one of your own for that.
    public static func shared() async throws -> RedisServer {
        try await common.server()
    }

    /// Starts a server of its own, and waits until it answers.
    ///
    /// - Parameters:
    ///   - listensOnTCP: Also on a free loopback port, see ``tcpURL``. Default: false.
    ///   - configuration: Lines for redis.conf, such as `maxmemory 8mb`.
    ///   - environment: Variables for the server's process.
    public static func start(
        persistence: Persistence = .none, listensOnTCP: Bool = false, configuration: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> RedisServer {
        let kept: PrivateRedis.Persistence =
            switch persistence {
            case .none: .none
            case .aofAlways: .aofAlways
            case .aofEverysec: .aofEverysec
            }
        let server = try PrivateRedis(
            .init(
                persistence: kept, listensOnTCP: listensOnTCP, configuration: configuration, environment: environment))
        do {
            try await server.start()
        } catch {
            try? await server.stop()
            throw error
        }
        return RedisServer(server)
    }

    /// A queue name that no other test uses.
    public static func uniqueQueue(_ prefix: String = "test") -> String {
        let random = UInt64.random(in: .min ... .max)
        return "\(prefix)-\(String(random, radix: 36))"
    }

    /// `redis+unix://…`
    public var url: String { server.url }
    /// `redis://127.0.0.1:…`, or nil unless it was asked for.
    public var tcpURL: String? { server.tcpURL }
    public var socketPath: String { server.socketPath }
    /// Nil while the server does not run.
    public var pid: Int32? { server.pid }
    /// What the server has logged.
    public var log: String { server.log }

    /// SIGKILL. The files stay for ``restart()``.
    public func kill() async throws { try await server.kill() }

    /// Kills the server if it runs, and starts one on the same files, socket and port.
    public func restart() async throws { try await server.restart() }

    /// SIGSTOP: connections are accepted and nothing is answered, until ``thaw()``.
    public func freeze() { server.freeze() }

    public func thaw() { server.thaw() }

    /// Kills the server and removes its files. Without it, both go with the process.
    public func stop() async throws { try await server.stop() }
}

/// Starts the server once, whoever asks first. A failed start is tried again by the next caller.
private actor SharedServer {
    private var starting: Task<RedisServer, any Error>?

    func server() async throws -> RedisServer {
        let task = starting ?? Task { try await RedisServer.start() }
        starting = task
        do {
            return try await task.value
        } catch {
            if starting == task { starting = nil }
            throw error
        }
    }
}
