package import NIOCore
package import StintCore
import StintLua
import StintRedis

/// A job under a lease.
package struct ClaimedJob: Sendable {
    package let id: JobID
    package let token: Token
    package let header: JobHeader
    package let payload: ByteBuffer
    package let tries: Tries

    package init(id: JobID, token: Token, header: JobHeader, payload: ByteBuffer, tries: Tries) {
        self.id = id
        self.token = token
        self.header = header
        self.payload = payload
        self.tries = tries
    }
}

/// What a claim brought.
package struct Claim: Sendable {
    package var isPaused = false
    package var token: Token?
    package var jobs: [ClaimedJob] = []
    /// Leased, but their records cannot be read: to be rejected, with the reason.
    package var malformed: [(id: JobID, reason: String)] = []
    /// Ready jobs stayed behind: another claim is worth it at once.
    package var leavesMore = false
    /// Until this consumer has to see to the next scheduled job, zero = due jobs stayed behind; `nil` = none is scheduled, or
    /// another consumer was told of it.
    package var dueIn: Duration?
    /// Until the next lease runs out; `nil` = none is leased, or not told because more jobs are ready.
    package var lapseIn: Duration?
    /// Of a claim by types: how many jobs of other types it has looked at and left.
    package var skipped = 0
    /// Of a claim by types: where the next one has to look on; 0 = nothing was left to look at.
    package var nextRank = 0
    /// The server's clock, µs since 1970.
    package let serverUs: Int64

    package init(serverUs: Int64) {
        self.serverUs = serverUs
    }
}

/// Claim only jobs of some types: for a queue in which there are others, too.
package struct TypeChoice: Sendable {
    /// The most types of one choice; the script holds the same bound.
    package static let maxTypes = 1000

    package let types: [JobType]
    /// How many jobs at the front of the queue not to look at: those that the claim before has.
    package let fromRank: Int

    package init(_ types: [JobType], fromRank: Int = 0) {
        self.types = types
        self.fromRank = fromRank
    }
}

extension Store {
    /// Leases the next jobs of a queue to one consumer.
    ///
    /// - Parameter only: jobs of these types; the others stay where they are. `nil` = of every type, which costs less.
    package func claim(
        _ limit: Int, from queue: QueueName, for consumer: ConsumerID, lease: Duration, only: TypeChoice? = nil
    ) async throws(StintError) -> Claim {
        let reply = try await call(Scripts.claim, queue) { command in
            command.append(consumer.description)
            command.append(lease.wholeMs)
            command.append(min(limit, Defaults.maxJobsPerCall))
            if let only {
                command.append(only.fromRank)
                for type in only.types { command.append(type.rawValue) }
            }
        }
        guard reply.count >= 8, let first = reply[0].integer, let serverUs = reply[4].integer else {
            throw .malformedReply("claim \(queue)")
        }
        var claim = Claim(serverUs: serverUs)
        claim.isPaused = first == -1
        claim.leavesMore = reply[1].integer == 1
        claim.dueIn = reply[2].microseconds
        claim.lapseIn = reply[3].microseconds
        if reply.count == 10 {
            claim.skipped = Int(reply[8].integer ?? 0)
            claim.nextRank = Int(reply[9].integer ?? 0)
        }
        if first > 0 {
            claim.token = Token(rawValue: first)
            claim.read(token: Token(rawValue: first), ids: reply[5], records: reply[6], tries: reply[7])
        }
        return claim
    }
}

extension Claim {
    fileprivate mutating func read(token: Token, ids: RedisReply, records: RedisReply, tries: RedisReply) {
        jobs.reserveCapacity(ids.count)
        let noTries = tries.count == 0
        var headers = HeaderCache()
        for index in 0..<ids.count {
            let id = JobID(unchecked: ids[index].string ?? "")
            let text = noTries ? nil : tries[index].string
            do {
                guard var record = records[index].bytes else { throw StintError.malformedReply("claim") }
                let header = try headers.take(from: &record)
                jobs.append(
                    ClaimedJob(
                        id: id, token: token, header: header, payload: record,
                        tries: text.map(Tries.init(decoding:)) ?? .none)
                )
            } catch {
                malformed.append((id, "\(error)"))
            }
        }
    }
}

/// Reads header lines. Most jobs of a queue have the same one, so that the last one is kept.
struct HeaderCache {
    private var line: [UInt8] = []
    private var header: JobHeader?

    /// Cuts the header line off a record, whose rest is the payload.
    mutating func take(from record: inout ByteBuffer) throws(StintError) -> JobHeader {
        let isSame = record.withUnsafeReadableBytes { bytes in
            !line.isEmpty && bytes.count >= line.count && line.elementsEqual(bytes.prefix(line.count))
        }
        if isSame, let header {
            record.moveReaderIndex(forwardBy: line.count)
            return header
        }
        let view = record.readableBytesView
        // A header line is at most some hundred bytes: do not search a large payload for a line end.
        guard let end = view.prefix(1024).firstIndex(of: UInt8(ascii: "\n")) else {
            throw StintError(.malformed, "read record", "it has no header line")
        }
        let length = end - view.startIndex + 1
        let decoded = try JobHeader(decoding: String(decoding: view.prefix(length - 1), as: UTF8.self))
        line = Array(view.prefix(length))
        header = decoded
        record.moveReaderIndex(forwardBy: length)
        return decoded
    }
}

extension RedisReply {
    /// A duration that a script returned in µs; -1 = there is none.
    var microseconds: Duration? {
        integer.flatMap { $0 < 0 ? nil : .microseconds($0) }
    }
}
