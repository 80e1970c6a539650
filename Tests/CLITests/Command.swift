import Foundation
import StintLocal
import StintTesting
import Subprocess
import Testing

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// Runs the built `stint` as its users do.
struct Command {
    struct Result {
        /// 128 + the signal's number where one ended it.
        let status: Int32
        let output: String
        let errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }

        /// The output as one JSON object.
        func object() throws -> [String: Any] {
            try #require(JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        }

        /// The output as one JSON object on each line.
        func objects() throws -> [[String: Any]] {
            try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
        }
    }

    static let path = BuiltProducts.executable("stint")

    /// What the tests' own environment says must not reach the command.
    static let noEnvironment: [String: String?] = [
        "STINT_REDIS_URL": nil, "STINT_REDIS_PASSWORD": nil, "STINT_PREFIX": nil, "STINT_STATE_DIR": nil,
        "STINT_TLS_CA": nil, "STINT_TLS_CERT": nil, "STINT_TLS_KEY": nil, "STINT_PAYLOAD_KEYS": nil,
    ]

    var environment: [String: String] = [:]

    /// On the server that all tests share.
    static func shared() async throws -> Command {
        Command(environment: ["STINT_REDIS_URL": try await RedisServer.shared().url])
    }

    var changes: [String: String?] { Self.noEnvironment.merging(environment) { $1 } }

    func callAsFunction(_ arguments: String..., input: [UInt8] = []) async throws -> Result {
        try await run(Self.path, arguments, input: input)
    }

    func callAsFunction(_ arguments: String..., input: String) async throws -> Result {
        try await run(Self.path, arguments, input: Array(input.utf8))
    }

    func callAsFunction(_ arguments: [String]) async throws -> Result {
        try await run(Self.path, arguments, input: [])
    }

    /// A shell line in which `stint` is the command.
    func shell(_ line: String) async throws -> Result {
        try await run("/bin/bash", ["-c", "stint() { '\(Self.path)' \"$@\"; }\n" + line], input: [])
    }

    private func run(_ executable: String, _ arguments: [String], input: [UInt8]) async throws -> Result {
        let keys = changes.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        let result = try await Subprocess.run(
            .path(FilePath(executable)), arguments: Arguments(arguments),
            environment: .inherit.updating(Dictionary(uniqueKeysWithValues: keys)),
            input: .array(input), output: .bytes(limit: 1 << 25), error: .bytes(limit: 1 << 22))
        let status: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let number): 128 + number
            }
        return Result(
            status: status, output: String(decoding: result.standardOutput, as: UTF8.self),
            errors: String(decoding: result.standardError, as: UTF8.self))
    }

    /// Starts a command that runs until it is stopped.
    func start(_ arguments: String...) async throws -> ChildProcess {
        try await ChildProcess.spawn(Self.path, arguments, environment: changes)
    }

    /// Starts a worker and waits until it says that it works.
    func worker(_ arguments: String...) async throws -> ChildProcess {
        let child = try await ChildProcess.spawn(Self.path, ["work"] + arguments, environment: changes)
        _ = try await child.errorOutput.first { $0.hasPrefix("working on ") }
        return child
    }

    /// One queue's numbers.
    func stats(_ queue: String) async throws -> [String: Any] {
        let queues = try await self("stats", queue, "--json").object()["queues"] as? [[String: Any]]
        return try #require(queues?.first)
    }

    func count(_ name: String, _ queue: String) async throws -> Int {
        try #require(try await stats(queue)[name] as? Int)
    }
}

/// Gives a directory of its own, and removes it.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path =
        FileManager.default.temporaryDirectory.path
        + "/stint-cli-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
