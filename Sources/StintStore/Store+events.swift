public import StintCore
package import StintRedis

/// Something that happened in a queue, to one job or to many at once.
public struct QueueEvent: Hashable, Sendable {
    /// What happened. More may be added: always have a default.
    public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public static let enqueued = Kind(rawValue: "enqueued")
        /// Jobs that waited have another payload, of an enqueue with their unique key.
        public static let replaced = Kind(rawValue: "replaced")
        /// Jobs that wait have another priority or due time.
        public static let changed = Kind(rawValue: "changed")
        /// Scheduled jobs whose time has come.
        public static let due = Kind(rawValue: "due")
        public static let claimed = Kind(rawValue: "claimed")
        public static let acked = Kind(rawValue: "acked")
        /// A failure after which the jobs are tried again.
        public static let failed = Kind(rawValue: "failed")
        /// A lease ran out, and the jobs are ready again.
        public static let lapsed = Kind(rawValue: "lapsed")
        public static let released = Kind(rawValue: "released")
        public static let dead = Kind(rawValue: "dead")
        public static let cancelled = Kind(rawValue: "cancelled")
        /// Somebody wants running jobs cancelled: their state is as it was.
        public static let cancelRequested = Kind(rawValue: "cancel_requested")
        public static let redriven = Kind(rawValue: "redriven")
        /// Deleted by somebody.
        public static let purged = Kind(rawValue: "purged")
        /// Dead and cancelled jobs forgotten because they were too old or too many.
        public static let trimmed = Kind(rawValue: "trimmed")
        /// How far a running job is, in ``QueueEvent/reason``: a fraction, and what it said.
        public static let progress = Kind(rawValue: "progress")
        public static let paused = Kind(rawValue: "paused")
        public static let resumed = Kind(rawValue: "resumed")
        /// Events before this one are missing: they were trimmed before they could be read.
        public static let gap = Kind(rawValue: "gap")

        public var description: String { rawValue }
    }

    /// The entry of the stream: where to go on, as ``EventStart/after(_:)``.
    public let id: String
    public let queue: QueueName
    public let kind: Kind
    /// When, in ms since 1970 on the server's clock.
    public let atMs: Int64
    public let jobs: [JobID]
    /// The state in which the jobs are now; `nil` = they are gone, or where they were.
    public let state: JobState?
    /// Which node did it; `nil` = none.
    public let consumer: ConsumerID?
    /// Of the leases that began or ended, one for each job; empty where there are none.
    public let tokens: [Token]
    /// Why; of several jobs the reason of the first. Empty = nobody said.
    public let reason: String
    /// Of ``Kind/gap``: how many are missing.
    public let missing: Int
}

/// Where to begin with the events of a queue.
public enum EventStart: Hashable, Sendable {
    /// With what happens from the call on.
    case now
    /// With the oldest that is kept.
    case oldest
    /// With the one after this entry: where a reader of before has stopped.
    case after(String)
}

/// Where a reader of events stands.
package struct EventPosition: Hashable, Sendable {
    /// The last entry that was read, or a place before the first.
    package var id: String
    /// Its number; `nil` = not known, so that a gap before the next one is not seen.
    package var number: Int64?

    package init(id: String = "0-0", number: Int64? = nil) {
        (self.id, self.number) = (id, number)
    }
}

extension Store {
    /// The most events that can be kept.
    package static let maxEvents = 1_000_000

    /// Where a reader begins.
    package func position(_ start: EventStart, in queue: QueueName) async throws(StintError) -> EventPosition {
        switch start {
        case .oldest: return EventPosition(id: "0-0", number: nil)
        case .after(let id):
            var command = RedisCommand("XRANGE")
            command.append(contentsOf: [keys.events(queue), id, id])
            let reply = try await send(command, "events \(queue)")
            // The entry may be gone: then the next one, whichever it is, may not be its successor.
            let isThere = reply.count == 1
            return EventPosition(id: id, number: isThere ? RawEvent(reply[0])?.number : -1)
        case .now:
            var command = RedisCommand("XREVRANGE")
            command.append(contentsOf: [keys.events(queue), "+", "-", "COUNT", "1"])
            let reply = try await send(command, "events \(queue)")
            guard reply.count == 1, let last = RawEvent(reply[0]) else { return EventPosition(id: "0-0", number: nil) }
            return EventPosition(id: last.id, number: last.number)
        }
    }

    /// The command that reads events behind a position, and waits for the first at most `blockMs`; `nil` = not at all.
    package func readEvents(_ queue: QueueName, after position: EventPosition, blockMs: Int64?) -> RedisCommand {
        var command = RedisCommand("XREAD")
        command.append(contentsOf: ["COUNT", "500"])
        if let blockMs {
            command.append("BLOCK")
            command.append(blockMs)
        }
        command.append(contentsOf: ["STREAMS", keys.events(queue), position.id])
        return command
    }

    /// Reads what ``readEvents(_:after:blockMs:)`` brought.
    package func events(
        in reply: RedisReply, of queue: QueueName, after position: inout EventPosition
    ) -> [QueueEvent] {
        guard reply.count == 1, reply[0].count == 2 else { return [] }
        var events: [QueueEvent] = []
        for entry in reply[0][1].children {
            guard let raw = RawEvent(entry) else { continue }
            if let number = position.number, raw.number != number + 1 {
                // Below zero: nobody knows how many.
                let missing = number < 0 ? 0 : max(0, raw.number - number - 1)
                events.append(raw.event(.gap, of: queue, missing: Int(missing)))
            }
            events.append(raw.event(of: queue))
            position = EventPosition(id: raw.id, number: raw.number)
        }
        return events
    }
}

/// An entry of the stream.
private struct RawEvent {
    let id: String
    let number: Int64
    private var fields: [String: String] = [:]

    init?(_ entry: RedisReply) {
        guard entry.count == 2, let id = entry[0].string else { return nil }
        self.id = id
        let pairs = Array(entry[1].children)
        for at in stride(from: 0, to: pairs.count - 1, by: 2) { fields[pairs[at].string ?? ""] = pairs[at + 1].string }
        guard let number = fields["n"].flatMap({ Int64($0) }), fields["e"] != nil else { return nil }
        self.number = number
    }

    func event(of queue: QueueName) -> QueueEvent {
        let jobs = words("ids").map { JobID(unchecked: String($0)) }
        let tokens = words("t").compactMap { Int64($0) }.map { Token(rawValue: $0) }
        return QueueEvent(
            id: id, queue: queue, kind: .init(rawValue: fields["e"] ?? ""), atMs: atMs, jobs: jobs,
            state: fields["to"].flatMap(JobState.init(rawValue:)),
            consumer: fields["by"].flatMap { ConsumerID(parsing: $0) },
            tokens: tokens.count == 1 ? Array(repeating: tokens[0], count: jobs.count) : tokens,
            reason: fields["why"] ?? "", missing: 0)
    }

    func event(_ kind: QueueEvent.Kind, of queue: QueueName, missing: Int) -> QueueEvent {
        QueueEvent(
            id: id, queue: queue, kind: kind, atMs: atMs, jobs: [], state: nil, consumer: nil, tokens: [], reason: "",
            missing: missing)
    }

    private var atMs: Int64 { Int64(id.prefix { $0 != "-" }) ?? 0 }
    private func words(_ name: String) -> [Substring] { (fields[name] ?? "").split(separator: " ") }
}
