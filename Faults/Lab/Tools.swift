import Foundation
import Logging
import Stint
import StintRedis
import Synchronization

/// A line of progress.
func tell(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

/// A line for the process that started this one, or the result.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

let quiet = Logger(label: "faults", factory: { _ in SwiftLogNoOpLogHandler() })

final class Switch: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}

final class Counter: Sendable {
    private let value = Atomic(0)
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
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

    /// A section of INFO, by field.
    func info(_ section: String) async throws -> [String: String] {
        let text = try await redis.send("INFO", section).string ?? ""
        let pairs = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ":", maxSplits: 1) }
        return pairs.reduce(into: [:]) { if $1.count == 2 { $0[String($1[0])] = String($1[1]) } }
    }
}
