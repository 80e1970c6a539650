package import StintCore
import StintLua
import StintRedis

/// What a queue does otherwise than by default, as `meta` keeps it.
package struct QueueSettings: Hashable, Sendable {
    private var values: [String: String] = [:]

    /// Reads `name=value;name=value;`.
    package init(decoding text: String) {
        for pair in text.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
    }

    /// `nil` = the default.
    package subscript(name: String) -> String? { values[name] }
    package var isEmpty: Bool { values.isEmpty }
}

extension Store {
    /// Sets settings of a queue; a value of `nil` = the default again.
    ///
    /// - Returns: the settings before.
    @discardableResult
    package func configure(_ settings: [(name: String, value: String?)], of queue: QueueName) async throws(StintError)
        -> QueueSettings
    {
        let reply = try await call(Scripts.configure, queue) { command in
            for (name, value) in settings {
                command.append(name)
                command.append(value ?? "")
            }
        }
        guard let before = reply.string else { throw .malformedReply("configure \(queue)") }
        return QueueSettings(decoding: before)
    }

    /// The settings of a queue as they are.
    package func settings(of queue: QueueName) async throws(StintError) -> QueueSettings {
        var command = RedisCommand("HGET")
        command.append(contentsOf: [keys.meta(queue), "settings"])
        return QueueSettings(decoding: try await send(command, "settings \(queue)").string ?? "")
    }
}
