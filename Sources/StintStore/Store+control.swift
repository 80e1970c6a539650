package import StintCore
import StintLua
import StintRedis

/// What a cancel could do.
public enum CancelOutcome: String, Sendable, Codable {
    /// The job will not run, or not again.
    case cancelled
    /// The job is running: its node is told at once, or with its next heartbeat, and it will not be run again.
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

/// What a cancel of several jobs could do.
package struct Cancellation: Sendable {
    /// One for each job, in order.
    package var outcomes: [CancelOutcome] = []
    /// Who runs those that are running.
    package var holders: Set<ConsumerID> = []

    package init() {}
}

extension Store {
    /// Cancels jobs, wherever they are. At most ``Defaults/maxJobsPerCall``.
    ///
    /// - Parameters:
    ///   - reason: why; kept with the job.
    ///   - by: who; kept with the job, before the reason.
    package func cancel(
        _ ids: [JobID], on queue: QueueName, reason: String, by: String = ""
    ) async throws(StintError) -> Cancellation {
        var cancellation = Cancellation()
        if ids.isEmpty { return cancellation }
        let reply = try await call(Scripts.cancel, queue) { command in
            command.append(Self.whoAndWhy(by, reason))
            for id in ids { command.append(id.rawValue) }
        }
        guard reply.count == ids.count else { throw .malformedReply("cancel \(queue)") }
        for answer in reply.children {
            let words = (answer.string ?? "").split(separator: " ", maxSplits: 1)
            cancellation.outcomes.append(words.first.flatMap { CancelOutcome(rawValue: String($0)) } ?? .unknown)
            if words.count == 2, let holder = ConsumerID(parsing: words[1]) { cancellation.holders.insert(holder) }
        }
        return cancellation
    }

    package static func whoAndWhy(_ who: String, _ why: String) -> String {
        if who.isEmpty { return why }
        return why.isEmpty ? "by \(who)" : "by \(who): \(why)"
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
