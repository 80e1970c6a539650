public import StintCore
import StintRedis
public import StintStore

/// What happens in a queue, as it happens:
///
///     try await client.setEvents(keeping: 10_000, on: "mail")
///     for try await event in try await client.events(of: "mail") { print(event.kind, event.jobs) }
///
/// It waits without polling, on a connection of its own; goes on where it was when that is lost, and tells of a
/// ``QueueEvent/Kind/gap`` when events were trimmed before it could read them. It ends when the task is cancelled or the
/// client is closed, and throws a ``StintError`` for what waiting does not help. One reader for each sequence.
public struct QueueEvents: AsyncSequence, Sendable {
    public typealias Element = QueueEvent
    public typealias Failure = any Error

    let reader: StreamReader<EventPosition, QueueEvent>

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    public struct Iterator: AsyncIteratorProtocol {
        let reader: StreamReader<EventPosition, QueueEvent>

        public mutating func next() async throws -> QueueEvent? { try await reader.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> QueueEvent? {
            try await reader.next()
        }
    }
}

extension StintClient {
    /// The events of a queue. They are written only where ``setEvents(keeping:on:)`` has turned them on.
    ///
    /// - Parameter start: ``EventStart/now`` = all that happens after this call has returned.
    /// - Throws: ``StintError``.
    public func events(of queue: QueueName, from start: EventStart = .now) async throws(StintError) -> QueueEvents {
        if case .after(let id) = start, id.wholeMatch(of: /\d+-\d+/) == nil {
            throw .invalidArgument(
                "events \(queue)", "\"\(id)\" is no event's id",
                advice: "It is what `QueueEvent.id` says, as 1795265288194-0.")
        }
        let store = try redis(for: "events \(queue)").store
        let position = try await store.position(start, in: queue)
        return QueueEvents(
            reader: StreamReader(self, "events \(queue)", at: position) { position, blockMs in
                store.readEvents(queue, after: position, blockMs: blockMs)
            } parse: { reply, position in
                store.events(in: reply, of: queue, after: &position)
            })
    }

    /// Turns the events of a queue on, or off.
    ///
    /// Off, which is the default, they cost nothing. On, each call to a script that moves jobs adds one entry to a stream for
    /// all jobs to which the same happened.
    ///
    /// - Parameter count: about how many are kept, 1 to 1,000,000; `nil` = none are written any more. Those that are there stay
    ///   until the next ones, or a purge of the key.
    /// - Returns: how many were kept before; `nil` = events were off.
    @discardableResult
    public func setEvents(keeping count: Int?, on queue: QueueName) async throws(StintError) -> Int? {
        if let count, !(1...Store.maxEvents).contains(count) {
            throw .invalidArgument(
                "events \(queue)", "\(count) events cannot be kept", advice: "It is 1 to \(Store.maxEvents), or nil.")
        }
        let store = try redis(for: "events \(queue)").store
        try await open(queue)
        let before = try await store.configure([("events", count.map { String($0) })], of: queue)
        return before["events"].flatMap { Int($0) }
    }

    /// About how many events of a queue are kept; `nil` = they are off.
    public func eventsKept(on queue: QueueName) async throws(StintError) -> Int? {
        try await redis(for: "events \(queue)").store.settings(of: queue)["events"].flatMap { Int($0) }
    }
}
