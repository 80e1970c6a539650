import NIOCore
package import StintCore
package import StintRedis

/// A line of a job's log.
public struct JobLogLine: Hashable, Sendable {
    /// When it was written, in ms since 1970 on the server's clock.
    public let atMs: Int64
    public let text: String

    package init(atMs: Int64, text: String) { (self.atMs, self.text) = (atMs, text) }
}

extension Store {
    /// About how many lines of a job's log are kept.
    package static let logLines = 1000
    /// How long after its last line.
    package static let keepLog = Duration.seconds(86_400)

    /// Adds lines to the log of a job. It is for people: no lease is asked for, and nothing depends on it.
    ///
    /// All of it goes out at once, so that a process that dies meanwhile leaves no log that stays for ever.
    package func log(_ lines: [String], of id: JobID, on queue: QueueName) async throws(StintError) {
        let key = keys.log(id, of: queue)
        var commands = lines.map { line in
            var command = RedisCommand("XADD")
            command.append(contentsOf: [key, "MAXLEN", "~", "\(Self.logLines)", "*", "l", line])
            return command
        }
        var expire = RedisCommand("PEXPIRE")
        expire.append(key)
        expire.append(Self.keepLog.wholeMs)
        commands.append(expire)
        for reply in commands.map({ client.submit($0) }) {
            do {
                _ = try await reply.get()
            } catch {
                throw StintError(Self.redisError(error), doing: "log \(id)")
            }
        }
    }

    private static func redisError(_ error: any Error) -> RedisError {
        error as? RedisError ?? RedisError(.connectionLost, operation: "log", message: "\(error)")
    }

    /// The command that reads lines behind an entry, and waits for the first at most `blockMs`; `nil` = not at all.
    package func readLog(_ id: JobID, on queue: QueueName, after entry: String, blockMs: Int64?) -> RedisCommand {
        var command = RedisCommand("XREAD")
        command.append(contentsOf: ["COUNT", "500"])
        if let blockMs {
            command.append("BLOCK")
            command.append(blockMs)
        }
        command.append(contentsOf: ["STREAMS", keys.log(id, of: queue), entry])
        return command
    }

    /// Reads what ``readLog(_:on:after:blockMs:)`` brought.
    package func logLines(in reply: RedisReply, after entry: inout String) -> [JobLogLine] {
        guard reply.count == 1, reply[0].count == 2 else { return [] }
        var lines: [JobLogLine] = []
        for found in reply[0][1].children where found.count == 2 && found[1].count == 2 {
            entry = found[0].string ?? entry
            lines.append(JobLogLine(atMs: Int64(entry.prefix { $0 != "-" }) ?? 0, text: found[1][1].string ?? ""))
        }
        return lines
    }

    /// All lines that are kept, at most ``logLines`` and some.
    package func log(of id: JobID, on queue: QueueName) async throws(StintError) -> [JobLogLine] {
        var (lines, entry): ([JobLogLine], String) = ([], "0-0")
        while true {
            let reply = try await send(readLog(id, on: queue, after: entry, blockMs: nil), "log of \(id)")
            let more = logLines(in: reply, after: &entry)
            if more.isEmpty { return lines }
            lines += more
        }
    }
}
