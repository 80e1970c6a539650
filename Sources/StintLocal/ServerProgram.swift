import Subprocess

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif
#if canImport(System)
import System
#else
import SystemPackage
#endif

/// The installed `redis-server`, or `valkey-server` when there is no Redis.
struct ServerProgram: Sendable {
    let path: String

    private static let names = ["redis-server", "valkey-server"]
    private static let usualPlaces = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    private static let oldestMajor = 7

    /// Searches PATH and the usual places. Throws `.serverNotFound` with the way to install one.
    static func find(searching path: String? = environmentValue("PATH")) throws -> ServerProgram {
        let directories = (path ?? "").split(separator: ":").map(String.init) + usualPlaces
        for name in names {
            for directory in directories where access("\(directory)/\(name)", X_OK) == 0 {
                return ServerProgram(path: "\(directory)/\(name)")
            }
        }
        throw notFound("redis-server is not installed")
    }

    /// Takes `path` as given, or searches. Throws `.serverTooOld` below Redis 7.0.
    static func usable(at path: String?) async throws -> ServerProgram {
        let program = try path.map(ServerProgram.init(path:)) ?? find()
        try await program.checkVersion()
        return program
    }

    private static func notFound(_ what: String) -> LocalRedisError {
        LocalRedisError(
            .serverNotFound,
            """
            \(what). Install it (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), \
            or name a server that runs already with --redis URL or STINT_REDIS_URL
            """)
    }

    private func checkVersion() async throws {
        let text: String
        do {
            text = try await run(
                .path(FilePath(path)), arguments: ["--version"], output: .string(limit: 4096)
            ).standardOutput
        } catch {
            throw Self.notFound("cannot run \(path)")
        }
        guard let version = Self.version(in: text) else {
            throw LocalRedisError(.serverTooOld, "\(path) does not say its version; Redis 7.0 or newer is needed")
        }
        guard let major = Int(version.prefix { $0 != "." }), major >= Self.oldestMajor else {
            throw LocalRedisError(
                .serverTooOld,
                "\(path) is version \(version); Redis 7.0 or newer is needed (https://redis.io/docs/latest/operate/oss_and_stack/install)"
            )
        }
    }

    /// `7.0.15` in `Redis server v=7.0.15 sha=00000000:0 …`.
    static func version(in text: String) -> String? {
        text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("v=") }.map { String($0.dropFirst(2)) }
    }
}

/// Quotes a value for redis.conf.
func quoted(_ value: String) -> String {
    var text = "\""
    for character in value {
        if character == "\"" || character == "\\" { text.append("\\") }
        text.append(character)
    }
    return text + "\""
}

/// The last lines of a server's log, for an error message.
func logTail(_ path: String, from offset: Int = 0, lines: Int = 5) -> String {
    let bytes = (readText(path) ?? "").utf8.dropFirst(offset)
    let all = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return all.suffix(lines).map { "  \($0)" }.joined(separator: "\n")
}

/// The URL of a Unix socket, percent-encoded.
func socketURL(_ path: String) -> String {
    var url = "redis+unix://"
    for byte in path.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            url.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            url += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
    return url
}
