package import StintCore
import StintLua
import StintRedis

/// A lease that ran out, and what became of its job.
package struct Lapse: Sendable {
    package enum Outcome: Int64, Sendable {
        case ready = 1
        case dead, cancelled
    }

    package let id: JobID
    package let token: Token?
    package let consumer: ConsumerID?
    package let outcome: Outcome
    package let lapses: Int

    package init(id: JobID, token: Token?, consumer: ConsumerID?, outcome: Outcome, lapses: Int) {
        self.id = id
        self.token = token
        self.consumer = consumer
        self.outcome = outcome
        self.lapses = lapses
    }
}

package struct Reaping: Sendable {
    package let serverMs: Int64
    /// Until the next lease runs out; zero = more have run out already; `nil` = none is leased.
    package let lapseIn: Duration?
    package let lapses: [Lapse]

    package init(serverMs: Int64, lapseIn: Duration?, lapses: [Lapse]) {
        self.serverMs = serverMs
        self.lapseIn = lapseIn
        self.lapses = lapses
    }
}

/// What there is to do in a queue.
package struct Look: Hashable, Sendable {
    /// There are ready or due jobs, and the queue is not paused.
    package let isReady: Bool
    /// Until this consumer has to see to the next scheduled job; `nil` = it need not.
    package let dueIn: Duration?
    /// Until the next lease runs out; `nil` = none is leased.
    package let lapseIn: Duration?

    package init(isReady: Bool, dueIn: Duration?, lapseIn: Duration?) {
        self.isReady = isReady
        self.dueIn = dueIn
        self.lapseIn = lapseIn
    }
}

extension Store {
    /// Asks what there is to do in many queues, at most ``Defaults/maxJobsPerCall``.
    ///
    /// - Returns: one answer for each queue, in order, and the server's clock, µs since 1970.
    package func look(
        at queues: [QueueName], for consumer: ConsumerID
    ) async throws(StintError) -> (serverUs: Int64, looks: [Look]) {
        let reply = try await call(Scripts.look, keys: queues.map(keys.queue), "look at \(queues.count) queues") {
            $0.append(consumer.description)
        }
        guard reply.count == 1 + 3 * queues.count, let serverUs = reply[0].integer else {
            throw .malformedReply("look")
        }
        let looks = queues.indices.map { index in
            Look(
                isReady: reply[3 * index + 1].integer == 1, dueIn: reply[3 * index + 2].microseconds,
                lapseIn: reply[3 * index + 3].microseconds)
        }
        return (serverUs, looks)
    }

    /// Requeues, or buries, jobs whose lease has run out.
    ///
    /// - Parameter gone: the consumer whose leases were made to run out because its connection was gone. Their reasons
    ///   say so.
    package func reap(
        _ limit: Int = Defaults.maxJobsPerCall, from queue: QueueName, maxLapses: Int = Defaults.maxLapses,
        gone: ConsumerID? = nil
    ) async throws(StintError) -> Reaping {
        let reply = try await call(Scripts.reap, queue) { command in
            command.append(limit)
            command.append(maxLapses)
            if let gone { command.append(gone.description) }
        }
        guard reply.count >= 2, let serverMs = reply[0].integer else { throw .malformedReply("reap \(queue)") }
        let lapses = stride(from: 2, to: reply.count - 3, by: 4).map { at in
            let lease = (reply[at + 1].string ?? "").split(separator: ":", maxSplits: 1)
            return Lapse(
                id: JobID(unchecked: reply[at].string ?? ""),
                token: lease.first.flatMap { Int64($0) }.map(Token.init(rawValue:)),
                consumer: lease.count == 2 ? ConsumerID(parsing: lease[1]) : nil,
                outcome: reply[at + 2].integer.flatMap(Lapse.Outcome.init(rawValue:)) ?? .ready,
                lapses: Int(reply[at + 3].integer ?? 0)
            )
        }
        return Reaping(serverMs: serverMs, lapseIn: reply[1].microseconds, lapses: lapses)
    }

    /// Moves scheduled jobs that are due to ready.
    ///
    /// - Returns: how many, and how long until this consumer has to see to the next one (zero = more are due, `nil` = none is
    ///   scheduled, or another consumer sees to it).
    package func promote(
        _ limit: Int = Defaults.maxJobsPerCall, on queue: QueueName, for consumer: ConsumerID
    ) async throws(StintError) -> (promoted: Int, dueIn: Duration?) {
        let reply = try await call(Scripts.promote, queue) { command in
            command.append(limit)
            command.append(consumer.description)
        }
        guard reply.count == 2, let promoted = reply[0].integer else { throw .malformedReply("promote \(queue)") }
        return (Int(promoted), reply[1].microseconds)
    }

    /// Forgets finished jobs that are too old or too many, at most `limit` of each state.
    ///
    /// - Returns: how many were forgotten of each state, in order.
    package func trim(
        _ limit: Int = Defaults.maxJobsPerCall, on queue: QueueName, keeping retentions: [(JobState, Retention)]
    ) async throws(StintError) -> [Int] {
        let reply = try await call(Scripts.trim, queue) { command in
            command.append(limit)
            for (state, retention) in retentions {
                command.append(state.rawValue)
                command.append(retention.age.wholeMs)
                command.append(retention.count)
            }
        }
        return reply.children.map { Int($0.integer ?? 0) }
    }

    /// Leaves a wake-up mark, without looking whether there is one: a mark too many costs one empty claim.
    ///
    /// - Parameter hops: by how many nodes it has been handed on, this one included, because they do not know the jobs' types.
    package func mark(_ queue: QueueName, hops: Int = 0) async throws(StintError) {
        var command = RedisCommand("LPUSH")
        command.append(keys.wake(queue))
        command.append(1 + hops)
        _ = try await send(command, "mark \(queue)")
    }

    /// Forgets who was told of the next due time, and wakes a node that will ask: for a node that leaves.
    package func giveUpAlarm(on queue: QueueName) async throws(StintError) {
        var command = RedisCommand("HDEL")
        command.append(keys.meta(queue))
        command.append("alarm")
        _ = try await send(command, "give up the alarm of \(queue)")
        try await mark(queue)
    }

    /// How many wake-up marks wait for a node.
    package func marks(_ queue: QueueName) async throws(StintError) -> Int {
        var command = RedisCommand("LLEN")
        command.append(keys.wake(queue))
        return Int(try await send(command, "count marks of \(queue)").integer ?? 0)
    }

    /// The server's clock, ms since 1970.
    package func serverMs() async throws(StintError) -> Int64 {
        let reply = try await send(RedisCommand("TIME"), "read the server's clock")
        guard reply.count == 2, let seconds = reply[0].integer, let micros = reply[1].integer else {
            throw .malformedReply("read the server's clock")
        }
        return seconds * 1000 + micros / 1000
    }

    /// The version of the data model that this code reads and writes.
    package static let schema = "1"

    /// For the first use of a queue by a process: marks it with the version of its data model, or finds that it has another
    /// one; and enters it in the register, so that people find it.
    ///
    /// - Throws: ``StintError`` with code `unsupportedServer` when another version wrote the queue.
    package func open(_ queue: QueueName) async throws(StintError) {
        var mark = RedisCommand("HSETNX")
        mark.append(contentsOf: [keys.meta(queue), "schema", Self.schema])
        _ = try await send(mark, "open \(queue)")
        var look = RedisCommand("HGET")
        look.append(contentsOf: [keys.meta(queue), "schema"])
        let found = try await send(look, "open \(queue)").string ?? ""
        guard found == Self.schema else {
            throw StintError(
                .unsupportedServer, "open \(queue)",
                "the queue's data model is version \(found), this program knows \(Self.schema)",
                advice: "Use the version of Stint that the other programs use."
            )
        }
        var register = RedisCommand("SADD")
        register.append(keys.queues)
        register.append(queue.rawValue)
        _ = try await send(register, "open \(queue)")
    }
}
