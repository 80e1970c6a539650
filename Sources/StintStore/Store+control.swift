package import StintCore
import StintLua
import StintRedis

/// What a cancel could do.
public enum CancelOutcome: String, Sendable, Codable {
    /// The job will not run, or not again.
    case cancelled
    /// The job is running: its node is told with the next heartbeat, and it will not be run again.
    case requested
    /// The job is done: nothing was left to cancel.
    case done
    /// No job of this id is known.
    case unknown
}

/// What a redrive could do.
public enum RedriveOutcome: String, Sendable, Codable {
    /// The job is ready, now or before.
    case ready
    /// The job is not dead or cancelled: it is left as it is.
    case scheduled, leased, done
    /// No job of this id is known.
    case unknown
    /// Its record is missing, so that there is nothing to run.
    case empty
    /// Another job holds its unique key: it is left as it is.
    case taken
}

extension Store {
    /// Cancels jobs, wherever they are. At most ``Defaults/maxJobsPerCall``.
    package func cancel(_ ids: [JobID], on queue: QueueName, reason: String) async throws(StintError) -> [CancelOutcome]
    {
        if ids.isEmpty { return [] }
        let reply = try await call(Scripts.cancel, queue) { command in
            command.append(reason)
            for id in ids { command.append(id.rawValue) }
        }
        guard reply.count == ids.count else { throw .malformedReply("cancel \(queue)") }
        return reply.children.map { $0.string.flatMap(CancelOutcome.init(rawValue:)) ?? .unknown }
    }

    /// Brings dead or cancelled jobs back. At most ``Defaults/maxJobsPerCall``.
    package func redrive(_ ids: [JobID], on queue: QueueName) async throws(StintError) -> [RedriveOutcome] {
        if ids.isEmpty { return [] }
        let reply = try await call(Scripts.redrive, queue) { command in
            for id in ids { command.append(id.rawValue) }
        }
        guard reply.count == ids.count else { throw .malformedReply("redrive \(queue)") }
        return reply.children.map { $0.string.flatMap(RedriveOutcome.init(rawValue:)) ?? .unknown }
    }

    /// Deletes up to `limit` jobs of one state for good. Repeat it until it returns 0. Leased jobs cannot be purged.
    package func purge(_ limit: Int = Defaults.maxJobsPerCall, _ state: JobState, on queue: QueueName)
        async throws(StintError) -> Int
    {
        let reply = try await call(Scripts.purge, queue) { command in
            command.append(state.rawValue)
            command.append(limit)
        }
        return Int(reply.integer ?? 0)
    }

    /// Stops or starts the claims of a queue.
    ///
    /// - Returns: whether that changed something.
    @discardableResult
    package func pause(_ isPaused: Bool, _ queue: QueueName) async throws(StintError) -> Bool {
        let reply = try await call(Scripts.pause, queue) { $0.append(isPaused ? 1 : 0) }
        return reply.integer == 1
    }
}
