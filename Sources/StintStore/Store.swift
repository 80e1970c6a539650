package import StintCore
package import StintLua
package import StintRedis

/// The operations on queues: one function for one script, of the same name. No loops, no timers, no repeats: a failed call
/// is the caller's to judge, by the code of its ``StintError``.
package struct Store: Sendable {
    package let client: RedisClient
    package let keys: Keys
    /// What enqueues have to reach; `nil` = the server's own confirmation is enough.
    package let durability: Durability?
    /// `nil` = the shipped scripts, as everywhere but in tests of time.
    private let stage: ScriptStage?

    package init(client: RedisClient, keys: Keys, durability: Durability? = nil, stage: ScriptStage? = nil) {
        self.client = client
        self.keys = keys
        self.durability = durability
        self.stage = stage
    }

    func call(
        _ script: Script, _ queue: QueueName, reserving bytes: Int = 0, timeout: Duration? = nil,
        _ arguments: (inout RedisCommand) -> Void
    ) async throws(StintError) -> RedisReply {
        try await call(
            script, keys: [keys.queue(queue)], "\(script.name) \(queue)", reserving: bytes, timeout: timeout, arguments)
    }

    func call(
        _ script: Script, key: String, _ operation: @autoclosure () -> String,
        _ arguments: (inout RedisCommand) -> Void
    ) async throws(StintError) -> RedisReply {
        try await call(script, keys: [key], operation(), arguments)
    }

    func call(
        _ script: Script, keys: [String], _ operation: @autoclosure () -> String, reserving bytes: Int = 0,
        timeout: Duration? = nil,
        _ arguments: (inout RedisCommand) -> Void
    ) async throws(StintError) -> RedisReply {
        let text = stage?.scripts[script.name] ?? script
        do {
            let redisScript = RedisScript(name: text.name, source: text.source, sha1: text.sha1)
            return try await client.call(redisScript, keys: keys, timeout: timeout, reserving: bytes) { command in
                arguments(&command)
                if let last = stage?.lastArgument(script.name) { command.append(last) }
            }
        } catch {
            throw StintError(error, doing: operation())
        }
    }

    func send(_ command: RedisCommand, _ operation: @autoclosure () -> String) async throws(StintError) -> RedisReply {
        do {
            return try await client.send(command)
        } catch {
            throw StintError(error, doing: operation())
        }
    }
}

/// Other texts in the place of some scripts: for tests that say themselves what time it is.
package struct ScriptStage: Sendable {
    /// By the names of the scripts.
    package let scripts: [String: Script]
    /// What the script of that name is told behind all other arguments.
    package let lastArgument: @Sendable (String) -> Int64?

    package init(scripts: [String: Script], lastArgument: @escaping @Sendable (String) -> Int64?) {
        self.scripts = scripts
        self.lastArgument = lastArgument
    }
}

extension StintError {
    /// What an error of the connection means to who works with jobs.
    package init(_ error: RedisError, doing operation: String) {
        let code: Code =
            switch error.code {
            case .outOfMemory: .queueFull
            case .closed where !error.mayHaveRun: .closed
            case .badURL: .invalidArgument
            default:
                if error.mayHaveRun {
                    .unconfirmed
                } else {
                    error.disposition == .final ? .refused : .unavailable
                }
            }
        self.init(code, operation, error.message, advice: error.advice, underlying: error)
    }

    static func malformedReply(_ operation: String) -> StintError {
        StintError(
            .malformed, operation, "the reply has not the form that this version expects",
            advice: "Another version of Stint, or another program, may be using the same keys."
        )
    }

    /// Whether the same call may succeed later without anybody changing anything.
    package var isPassing: Bool { code == .unavailable || code == .unconfirmed }
}
