import Foundation
package import StintCore
import StintLua
package import StintRedis

/// What the register said to who asked for the turn to look at the nodes' connections.
package struct Watching: Sendable {
    package let serverMs: Int64
    /// How long ago the look before was, and whose it was; `nil` = there was none.
    package let last: (age: Duration, by: String)?
    /// Of all nodes that may be judged by their connection; `nil` = it is not this consumer's turn.
    package let sessions: [ConsumerID: RedisSession]?
}

extension Store {
    /// Asks for the turn to look. There is one in each `gap`, whoever asks.
    package func watch(by consumer: ConsumerID, every gap: Duration) async throws(StintError) -> Watching {
        let reply = try await call(Scripts.watch, key: keys.registers, "watch") { command in
            command.append(consumer.description)
            command.append(gap.wholeMs)
        }
        guard reply.count >= 3, let serverMs = reply[0].integer, let since = reply[1].integer, let by = reply[2].string
        else { throw .malformedReply("watch") }
        let hasTurn = since < 0 || since >= gap.wholeMs
        var sessions: [ConsumerID: RedisSession] = [:]
        for at in stride(from: 3, to: reply.count - 1, by: 2) {
            guard let consumer = reply[at].string.flatMap({ ConsumerID(parsing: $0) }),
                let session = reply[at + 1].string.flatMap({ RedisSession(parsing: $0) })
            else { continue }
            sessions[consumer] = session
        }
        return Watching(
            serverMs: serverMs, last: since < 0 ? nil : (.milliseconds(since), by), sessions: hasTurn ? sessions : nil)
    }

    /// Which of these connections the server still has.
    package func connected(among ids: some Collection<Int64>) async throws(StintError) -> Set<Int64> {
        do {
            return try await client.connected(among: ids)
        } catch {
            throw StintError(error, doing: "look at the nodes' connections")
        }
    }

    /// Notes that the connections of these nodes are gone.
    ///
    /// - Returns: for how long each has been missed; without those that have another session by now, or have left.
    package func miss(_ absent: [(ConsumerID, RedisSession)]) async throws(StintError) -> [ConsumerID: Duration] {
        let reply = try await call(Scripts.miss, key: keys.registers, "miss") { command in
            for (consumer, session) in absent {
                command.append(consumer.description)
                command.append(session.description)
            }
        }
        var ages: [ConsumerID: Duration] = [:]
        for ((consumer, _), age) in zip(absent, reply.children) {
            if let ms = age.integer, ms >= 0 { ages[consumer] = .milliseconds(ms) }
        }
        return ages
    }

    /// Makes the leases of a consumer that is gone run out now, for ``reap(_:from:maxLapses:gone:)``.
    ///
    /// - Returns: of how many jobs.
    package func expel(_ consumer: ConsumerID, from queue: QueueName) async throws(StintError) -> Int {
        var (cursor, expelled) = ("0", 0)
        repeat {
            let reply = try await call(Scripts.expel, queue) { command in
                command.append(consumer.description)
                command.append(cursor)
                command.append(Defaults.maxJobsPerCall)
            }
            guard reply.count == 2, let next = reply[0].string, let count = reply[1].integer else {
                throw .malformedReply("expel \(queue)")
            }
            (cursor, expelled) = (next, expelled + Int(count))
        } while cursor != "0"
        return expelled
    }

    /// The queues of a node, by what it wrote about itself.
    package func queues(of consumer: ConsumerID) async throws(StintError) -> [QueueName] {
        struct About: Decodable { let queues: [String] }
        var command = RedisCommand("HMGET")
        command.append(contentsOf: [keys.abouts, consumer.description])
        let text = try await send(command, "look up \(consumer)").children.first { _ in true }?.string ?? ""
        let about = try? JSONDecoder().decode(About.self, from: Data(text.utf8))
        return about?.queues.compactMap { try? QueueName($0) } ?? []
    }

    /// Takes the session of a node that is gone out of the register, so that nobody looks for it again.
    ///
    /// - Returns: whether it was there.
    package func forgetSession(of consumer: ConsumerID) async throws(StintError) -> Bool {
        var isFound = false
        for key in [keys.watch, keys.sessions] {
            var command = RedisCommand("HDEL")
            command.append(contentsOf: [key, consumer.description])
            isFound = try await send(command, "forget \(consumer)").integer == 1
        }
        return isFound
    }
}
