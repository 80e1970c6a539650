package import NIOCore
package import StintCore
import StintLua
package import StintRedis

/// A job that is done and has something to show for it.
package struct Answer: Sendable {
    package let held: Held
    /// How long its result is kept.
    package let keep: Duration
    package let result: ByteBuffer

    package init(_ held: Held, keep: Duration, result: ByteBuffer) {
        (self.held, self.keep, self.result) = (held, keep, result)
    }
}

/// Something about a running job that is kept for as long as it lives.
package struct Note: Sendable {
    package enum Kind: String, Sendable { case progress, checkpoints }

    package let held: Held
    package let kind: Kind
    package let value: ByteBuffer

    package init(_ held: Held, _ kind: Kind, _ value: ByteBuffer) {
        (self.held, self.kind, self.value) = (held, kind, value)
    }
}

/// How far a job is.
public struct JobProgress: Hashable, Sendable {
    /// 0 to 1.
    public let fraction: Double
    /// What the handler said; may be empty.
    public let note: String
    /// When, in ms since 1970 on the server's clock.
    public let atMs: Int64

    /// Reads "<ms> <fraction> <note>".
    package init?(decoding text: String) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let atMs = Int64(parts[0]), let fraction = Double(parts[1]) else { return nil }
        self.init(fraction: fraction, note: parts.count > 2 ? String(parts[2]) : "", atMs: atMs)
    }

    init(fraction: Double, note: String, atMs: Int64) {
        (self.fraction, self.note, self.atMs) = (fraction, note, atMs)
    }
}

/// What running jobs need of a store beside their settles. What each means is said at ``Store``.
package protocol ReportStore: Sendable {
    func note(_ notes: [Note], on queue: QueueName, by consumer: ConsumerID) async throws(StintError) -> [Refusal?]
    func checkpoint(of id: JobID, on queue: QueueName) async throws(StintError) -> ByteBuffer?
    func progress(of id: JobID, on queue: QueueName) async throws(StintError) -> JobProgress?
    func log(of id: JobID, on queue: QueueName) async throws(StintError) -> [JobLogLine]
    func log(_ lines: [String], of id: JobID, on queue: QueueName) async throws(StintError)
}

extension Store: ReportStore {}

extension Store {
    /// Settles jobs as done and keeps their results. At most ``Defaults/maxJobsPerCall``, and not very many bytes.
    package func answer(
        _ answers: [Answer], on queue: QueueName, by consumer: ConsumerID, keeping count: Int = Defaults.keepResults,
        bytes: Int = Defaults.keepResultBytes
    ) async throws(StintError) -> Settlement {
        let size = answers.reduce(0) { $0 + 64 + $1.result.readableBytes }
        let reply = try await call(Scripts.answer, queue, reserving: size) { command in
            command.append(consumer.description)
            command.append(count)
            command.append(bytes)
            for answer in answers {
                command.append(answer.held.id.rawValue)
                command.append(answer.held.token.rawValue)
                command.append(answer.keep.wholeMs)
                command.append(answer.result)
            }
        }
        return try settlement(reply, "answer \(queue)")
    }

    /// Keeps notes about running jobs.
    ///
    /// - Returns: for each why it was refused; `nil` = it was not.
    package func note(_ notes: [Note], on queue: QueueName, by consumer: ConsumerID) async throws(StintError)
        -> [Refusal?]
    {
        let size = notes.reduce(0) { $0 + 64 + $1.value.readableBytes }
        let reply = try await call(Scripts.note, queue, reserving: size) { command in
            command.append(consumer.description)
            for note in notes {
                command.append(note.held.id.rawValue)
                command.append(note.held.token.rawValue)
                command.append(note.kind.rawValue)
                command.append(note.value)
            }
        }
        guard reply.count == notes.count else { throw .malformedReply("note \(queue)") }
        return reply.children.map { $0.integer == 1 ? nil : Refusal(code: $0.integer) }
    }

    /// Forgets results that are too old or too many, at most `limit`.
    ///
    /// - Returns: how many.
    package func trimResults(
        _ limit: Int = Defaults.maxJobsPerCall, on queue: QueueName, keeping count: Int = Defaults.keepResults,
        bytes: Int = Defaults.keepResultBytes
    ) async throws(StintError) -> Int {
        let reply = try await call(Scripts.trim, queue) { command in
            command.append(limit)
            command.append("results")
            command.append(bytes)
            command.append(count)
        }
        guard reply.count == 1 else { throw .malformedReply("trim \(queue)") }
        return Int(reply[0].integer ?? 0)
    }

    /// The result of a job; `nil` = none is kept.
    package func result(of id: JobID, on queue: QueueName) async throws(StintError) -> ByteBuffer? {
        try await field(id, of: keys.results(queue), "result of \(id)")?.bytes
    }

    /// What the last run of a job left for the next; `nil` = nothing.
    package func checkpoint(of id: JobID, on queue: QueueName) async throws(StintError) -> ByteBuffer? {
        try await field(id, of: keys.checkpoints(queue), "checkpoint of \(id)")?.bytes
    }

    /// How far a job is; `nil` = it has not said so.
    package func progress(of id: JobID, on queue: QueueName) async throws(StintError) -> JobProgress? {
        try await field(id, of: keys.progress(queue), "progress of \(id)")?.string.flatMap(JobProgress.init(decoding:))
    }

    private func field(_ id: JobID, of key: String, _ operation: String) async throws(StintError) -> RedisReply? {
        var command = RedisCommand("HGET")
        command.append(contentsOf: [key, id.rawValue])
        let reply = try await send(command, operation)
        return reply.isNull ? nil : reply
    }

    // MARK: Ends

    /// The last entry of the stream of ends: whoever reads on from there misses none that is told later.
    package func lastEnd(of queue: QueueName) async throws(StintError) -> String {
        var command = RedisCommand("XREVRANGE")
        command.append(contentsOf: [keys.ends(queue), "+", "-", "COUNT", "1"])
        let reply = try await send(command, "ends of \(queue)")
        return reply.count == 1 ? reply[0][0].string ?? "0-0" : "0-0"
    }

    /// How many ends are read at once.
    package static let mostEnds = 500

    /// The command that waits for ends behind an entry.
    package func readEnds(_ queue: QueueName, after entry: String, blockMs: Int64) -> RedisCommand {
        var command = RedisCommand("XREAD")
        command.append("COUNT")
        command.append(Self.mostEnds)
        command.append("BLOCK")
        command.append(blockMs)
        command.append(contentsOf: ["STREAMS", keys.ends(queue), entry])
        return command
    }

    /// Reads what ``readEnds(_:after:blockMs:)`` brought.
    package func ends(in reply: RedisReply, after entry: inout String) -> (count: Int, ids: [JobID]) {
        guard reply.count == 1, reply[0].count == 2 else { return (0, []) }
        var ids: [JobID] = []
        let entries = reply[0][1]
        for found in entries.children where found.count == 2 {
            entry = found[0].string ?? entry
            let fields = Array(found[1].children)
            for at in stride(from: 0, to: fields.count - 1, by: 2) where fields[at].string == "ids" {
                ids += (fields[at + 1].string ?? "").split(separator: " ").map { JobID(unchecked: String($0)) }
            }
        }
        return (entries.count, ids)
    }
}
