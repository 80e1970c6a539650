import Logging
public import StintCore
public import StintStore

extension StintClient {
    /// Cancels a job wherever it is: a waiting one at once; a running one as Swift task cancellation, within milliseconds where
    /// its node listens, by its next heartbeat in any case. It will not be run again.
    ///
    /// - Parameters:
    ///   - reason: why, for people. It stays with the job.
    ///   - by: who, for people. It stays with the job, too.
    @discardableResult
    public func cancel(
        _ id: JobID, on queue: QueueName, reason: String = "", by: String = ""
    ) async throws(StintError) -> CancelOutcome {
        try await cancel([id], on: queue, reason: reason, by: by).first ?? .unknown
    }

    /// Cancels up to ``Defaults/maxJobsPerCall`` jobs, and nudges the nodes that run some of them.
    package func cancel(
        _ ids: [JobID], on queue: QueueName, reason: String, by: String
    ) async throws(StintError) -> [CancelOutcome] {
        let cancellation = try await jobs.cancel(ids, on: queue, reason: reason, by: by)
        // In memory they hear of it with the call.
        guard let redis else { return cancellation.outcomes }
        do throws(StintError) {
            try await redis.store.nudge(cancellation.holders, .extend(queue))
        } catch {
            // Their next heartbeats tell the same.
            logger.debug("nodes not nudged", metadata: ["queue": "\(queue)", "error": "\(error)"])
        }
        return cancellation.outcomes
    }
}
