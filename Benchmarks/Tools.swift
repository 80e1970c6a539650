import Foundation
import Logging
import NIOPosix
import Stint
import StintBench
import StintCore
import StintLocal
import StintRedis

let quiet = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })

/// A line of progress.
func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}

/// A line for the process that started this one.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

func connect(_ url: String) async throws -> StintClient {
    try await StintClient(.redis(url), logger: quiet)
}

func withClient<Value>(_ url: String, _ body: (StintClient) async throws -> Value) async throws -> Value {
    let client = try await connect(url)
    do {
        let value = try await body(client)
        await client.close()
        return value
    } catch {
        await client.close()
        throw error
    }
}

extension RedisClient {
    @discardableResult
    func send(_ name: StaticString, _ arguments: String...) async throws -> RedisReply {
        var command = RedisCommand(name)
        command.append(contentsOf: arguments)
        return try await send(command)
    }
}

extension StintClient {
    var redis: RedisClient { store.client }

    func flush(_ options: String...) async throws { try await redis.send("FLUSHALL", options) }
}

/// This program in another role.
struct Role {
    /// What the role says at its end.
    struct Result: Codable {
        var seconds = 0.0
        var cpuUs = 0.0
        var peakMemory = 0
        var latencies: [String: LatencySummary] = [:]
    }

    let process: ChildProcess

    /// Starts it, and waits until it is ready.
    static func start(_ arguments: [String]) async throws -> Role {
        let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
        let role = Role(process: try await ChildProcess.spawn(program, arguments))
        _ = try await role.process.output.first(within: .seconds(120)) { $0 == "ready" }
        return role
    }

    /// Nodes of one process.
    static func nodes(_ url: String, _ options: String...) async throws -> Role {
        try await start(["nodes", "--url", url] + options)
    }

    /// Asks it to end, if it does not by itself, and reads what it has to say.
    func result(within limit: Duration = .seconds(300), asking: Bool = false) async throws -> Result {
        if asking { process.closeInput() }
        let line = try await process.output.first(within: limit) { $0.hasPrefix("{") }
        process.closeInput()
        _ = try await process.waitForExit()
        return try JSONDecoder().decode(Result.self, from: Data(line.utf8))
    }

    /// Says each time that a job with a stamp has started.
    func starts() -> () async throws -> Void {
        var iterator = process.output.all.filter { $0.hasPrefix("start ") }.makeAsyncIterator()
        return {
            guard await iterator.next() != nil else { throw CancellationError() }
        }
    }

    func kill() async throws {
        process.signal(SIGKILL)
        _ = try await process.waitForExit()
    }
}
