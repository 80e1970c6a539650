#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// One blocking connection to a Unix socket, for the few commands that supervise a server (PING, INFO, SHUTDOWN).
/// It needs no event loop, so that looking for a running server takes a fraction of a millisecond. Not for jobs.
/// Every call blocks its thread for at most `timeout`.
package struct RawRedis: ~Copyable {
    package enum Reply: Sendable, Equatable {
        case text(String)
        case error(String)
    }

    private let descriptor: Int32
    private var received: [UInt8] = []

    /// Throws `.notRunning` when nobody listens on the socket.
    package init(socketPath: String, timeout: Duration = .milliseconds(500)) throws {
        descriptor = try Self.connected(to: socketPath, timeout)
    }

    private static func connected(to path: String, _ timeout: Duration) throws -> Int32 {
        let descriptor = try makeStreamSocket(AF_UNIX)
        let (seconds, attoseconds) = timeout.components
        var limit = timeval()
        limit.tv_sec = .init(seconds)
        limit.tv_usec = .init(attoseconds / 1_000_000_000_000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        #if canImport(Darwin)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<Int32>.size))
        #endif
        let result = try withUnixAddress(path) { connect(descriptor, $0, $1) }
        guard result == 0 else {
            let number = errno
            close(descriptor)
            let code: LocalRedisError.Code = number == EAGAIN || number == EINPROGRESS ? .notAnswering : .notRunning
            throw LocalRedisError(code, "cannot connect to \(path): \(errnoText(number))")
        }
        return descriptor
    }

    deinit { close(descriptor) }

    /// Sends one command and reads its reply. Throws `.notAnswering` on a time-out and `.notRunning` when the server
    /// closed the connection, which is also the good end of SHUTDOWN.
    package mutating func call(_ words: String...) throws -> Reply {
        var request: [UInt8] = Array("*\(words.count)\r\n".utf8)
        for word in words { request += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
        try send(request[...])
        let line = try readLine()
        switch line.first {
        case "+", ":": return .text(String(line.dropFirst()))
        case "-": return .error(String(line.dropFirst()))
        case "$":
            guard let count = Int(line.dropFirst()), (0...67_108_864).contains(count) else { return .text("") }
            while received.count < count + 2 { try receive() }
            defer { received.removeFirst(count + 2) }
            return .text(String(decoding: received[..<count], as: UTF8.self))
        default:
            throw LocalRedisError(.notAnswering, "the socket answered something that is not a Redis reply")
        }
    }

    private func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Self.transmit(descriptor, $0) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(errno) }
            rest = rest.dropFirst(count)
        }
    }

    private static func transmit(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        // A server that goes away must not take its caller along by SIGPIPE; Darwin has a socket option instead.
        #if canImport(Darwin)
        Darwin.send(descriptor, bytes.baseAddress, bytes.count, 0)
        #elseif canImport(Musl)
        Musl.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        #else
        Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        #endif
    }

    private mutating func readLine() throws -> String {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\r")), end + 1 < received.count {
                defer { received.removeFirst(end + 2) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            try receive()
        }
    }

    private mutating func receive() throws {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0 && errno == EINTR { return }
        if count == 0 { throw LocalRedisError(.notRunning, "the server closed the connection") }
        guard count > 0 else { throw Self.failure(errno) }
        received.append(contentsOf: chunk[..<count])
    }

    private static func failure(_ number: Int32) -> LocalRedisError {
        switch number {
        case EAGAIN, EWOULDBLOCK: LocalRedisError(.notAnswering, "the server did not answer in time")
        default: LocalRedisError(.notRunning, "the connection to the server broke: \(errnoText(number))")
        }
    }
}

/// What a server says to a PING.
enum Pulse: Equatable {
    /// Nobody listens on the socket.
    case absent
    /// Something listens and is silent, or is reading its files.
    case busy
    /// It answers commands (or asks for a password, which is an answer too).
    case ready

    /// Asks the server behind `socketPath`; blocks for at most `timeout`.
    static func take(_ socketPath: String, timeout: Duration = .milliseconds(500)) -> Pulse {
        do {
            var connection = try RawRedis(socketPath: socketPath, timeout: timeout)
            switch try connection.call("PING") {
            case .text: return .ready
            case .error(let text): return text.hasPrefix("LOADING") ? .busy : .ready
            }
        } catch let error as LocalRedisError where error.code == .notAnswering {
            return .busy
        } catch {
            return .absent
        }
    }
}
