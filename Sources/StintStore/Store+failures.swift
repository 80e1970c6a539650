package import NIOCore
package import StintCore
import StintLua
import StintRedis

/// A job that has failed, lapsed or was buried, as far as it concerns why.
package struct FailedJob: Sendable, Hashable {
    package let id: JobID
    /// `dead`, or the state of one that will be tried again.
    package let state: JobState
    /// Since when it is dead, when it is due, or its lease ends; ms since 1970.
    package let whenMs: Int64?
    /// `nil` when its record is missing.
    package let type: JobType?
    package let payloadBytes: Int
    /// The reason may be cut.
    package let tries: Tries

    package init(id: JobID, state: JobState, whenMs: Int64?, type: JobType?, payloadBytes: Int, tries: Tries) {
        (self.id, self.state, self.whenMs) = (id, state, whenMs)
        (self.type, self.payloadBytes, self.tries) = (type, payloadBytes, tries)
    }
}

/// What one step through the failures of a queue has seen.
package struct FailureStep: Sendable {
    /// `nil` = that was all.
    package let next: String?
    package let serverMs: Int64
    package let recordBytes: Int
    package let jobs: [FailedJob]

    package init(next: String?, serverMs: Int64, recordBytes: Int, jobs: [FailedJob]) {
        (self.next, self.serverMs, self.recordBytes, self.jobs) = (next, serverMs, recordBytes, jobs)
    }
}

/// What an edit could do.
public enum EditOutcome: String, Sendable, Codable {
    /// The job has the new payload.
    case edited
    /// The job is running, or done: its payload is as it was.
    case leased, done
    /// No job of this id is known.
    case unknown
    /// Its record is missing.
    case empty
    /// A codec wrote its payload, which another text would not be: the nodes could not read it. Cancel the job, and enqueue
    /// another.
    case encoded
}

extension Store {
    /// Looks at some jobs that are dead or in another attempt. Reads only.
    ///
    /// - Parameter cursor: where the step before has stopped; `"0"` at first.
    package func failures(_ limit: Int, from cursor: String, on queue: QueueName) async throws(StintError)
        -> FailureStep
    {
        let reply = try await call(Scripts.failures, queue) { command in
            command.append(cursor)
            command.append(limit)
        }
        guard reply.count >= 3, let next = reply[0].string, let serverMs = reply[1].integer,
            let bytes = reply[2].integer
        else { throw .malformedReply("failures \(queue)") }
        let jobs = reply.children.dropFirst(3).compactMap { fields -> FailedJob? in
            let fields = Array(fields.children)
            guard fields.count == 6, let id = fields[0].string, let state = fields[1].string.flatMap(JobState.init)
            else { return nil }
            return FailedJob(
                id: JobID(unchecked: id), state: state, whenMs: fields[2].integer,
                type: fields[3].string.flatMap { try? JobType($0) }, payloadBytes: Int(fields[4].integer ?? 0),
                tries: Tries(decoding: fields[5].string ?? ""))
        }
        return FailureStep(
            next: next == "0" ? nil : next, serverMs: serverMs, recordBytes: Int(bytes), jobs: jobs)
    }

    /// Gives jobs that are not running another payload. At most ``Defaults/maxJobsPerCall``.
    package func edit(
        _ payloads: [(id: JobID, payload: ByteBuffer)], on queue: QueueName
    ) async throws(StintError) -> [EditOutcome] {
        if payloads.isEmpty { return [] }
        let bytes = payloads.reduce(0) { $0 + $1.payload.readableBytes + 32 }
        let reply = try await call(Scripts.edit, queue, reserving: bytes) { command in
            for (id, payload) in payloads {
                command.append(id.rawValue)
                command.append("", then: payload)
            }
        }
        guard reply.count == payloads.count else { throw .malformedReply("edit \(queue)") }
        return reply.children.map { $0.string.flatMap(EditOutcome.init(rawValue:)) ?? .unknown }
    }
}
