package import StintCore
import StintLua
import StintRedis

/// What a change of a job that waits could do.
public enum ChangeOutcome: String, Sendable, Codable {
    case changed
    /// The job does not wait: it is left as it is.
    case leased, done, dead, cancelled
    /// No job of this id is known.
    case unknown
    /// Its record is missing, so that there is nothing to change.
    case empty
}

/// One step of the re-scoring of a queue.
package struct ReorderStep: Sendable {
    /// `nil` = all ready jobs are in order.
    package let next: String?
    /// Which change of the order this is about: to be passed on to the next step.
    package let change: String
    package let looked: Int
    package let recordBytes: Int

    package init(next: String?, change: String, looked: Int, recordBytes: Int) {
        (self.next, self.change, self.looked, self.recordBytes) = (next, change, looked, recordBytes)
    }
}

extension Store {
    /// Gives jobs that wait another priority, or another due time; `nil` = as it is. At most ``Defaults/maxJobsPerCall``.
    package func change(_ ids: [JobID], on queue: QueueName, priority: Int? = nil, due: Due? = nil)
        async throws(StintError) -> [ChangeOutcome]
    {
        if ids.isEmpty { return [] }
        let reply = try await call(Scripts.change, queue) { command in
            command.append(priority.map(String.init) ?? "")
            command.append(due?.argument ?? "")
            for id in ids { command.append(id.rawValue) }
        }
        guard reply.count == ids.count else { throw .malformedReply("change \(queue)") }
        return reply.children.map { $0.string.flatMap(ChangeOutcome.init(rawValue:)) ?? .unknown }
    }

    /// Gives some of the ready jobs their places in the order that their queue has now.
    ///
    /// - Parameters:
    ///   - cursor: where the step before has stopped; `"0"` at first.
    ///   - change: what the step before said; empty at first.
    package func reorder(_ limit: Int, of queue: QueueName, from cursor: String, change: String)
        async throws(StintError) -> ReorderStep
    {
        let reply = try await call(Scripts.reorder, queue) { command in
            command.append(cursor)
            command.append(limit)
            command.append(change)
        }
        guard reply.count == 4, let next = reply[0].string, let change = reply[1].string,
            let looked = reply[2].integer, let bytes = reply[3].integer
        else { throw .malformedReply("reorder \(queue)") }
        return ReorderStep(
            next: next == "0" ? nil : next, change: change, looked: Int(looked), recordBytes: Int(bytes))
    }

    /// The order of a queue, and whether not all of its ready jobs are where that wants them.
    package func order(of queue: QueueName) async throws(StintError) -> (order: QueueOrder, isReordering: Bool) {
        var command = RedisCommand("HMGET")
        command.append(contentsOf: [keys.meta(queue), "settings", "reorder"])
        let reply = try await send(command, "order of \(queue)")
        guard reply.count == 2 else { throw .malformedReply("order of \(queue)") }
        return (QueueSettings(decoding: reply[0].string ?? "").order, !reply[1].isNull)
    }

    /// Remembers how long runs have taken, by types, where the order of the queue is ``QueueOrder/shortest``.
    ///
    /// - Parameter measured: at most ``Defaults/maxJobsPerCall``, each of at least one run.
    /// - Returns: whether it is.
    @discardableResult
    package func learn(_ measured: [RunTime], of queue: QueueName) async throws(StintError) -> Bool {
        let reply = try await call(Scripts.learn, queue) { command in
            for one in measured {
                command.append(one.type.rawValue)
                command.append(one.runs)
                command.append(Int(one.us))
            }
        }
        guard let isLearned = reply.integer else { throw .malformedReply("learn \(queue)") }
        return isLearned == 1
    }

    /// What was learned of how long a run of each type takes.
    package func estimates(of queue: QueueName) async throws(StintError) -> [JobType: Duration] {
        var command = RedisCommand("HGETALL")
        command.append(contentsOf: [keys.estimates(queue)])
        let reply = try await send(command, "estimates of \(queue)")
        var estimates: [JobType: Duration] = [:]
        for at in stride(from: 0, to: reply.count - 1, by: 2) {
            guard let name = reply[at].string, let type = try? JobType(name), let us = reply[at + 1].integer else {
                throw .malformedReply("estimates of \(queue)")
            }
            estimates[type] = .microseconds(us)
        }
        return estimates
    }
}

extension QueueSettings {
    /// Which of the ready jobs run first.
    package var order: QueueOrder { QueueOrder(setting: self["order"] ?? "") }
}
