import StintCore
import StintRedis
import StintStore

extension Bench {
    func unique(
        _ id: String, _ key: String, until span: UniqueSpan = .untilDone, _ conflict: UniqueConflict = .reject,
        due: Due = .now, priority: Int = 0, payload: String? = nil
    ) throws -> NewJob {
        var job = try job(id, priority: priority, due: due, payload: payload)
        job.makeUnique(Unique(key, conflict: conflict), span)
        return job
    }

    @discardableResult
    func enqueueUnique(
        _ id: String, _ key: String, until span: UniqueSpan = .untilDone, _ conflict: UniqueConflict = .reject,
        due: Due = .now, priority: Int = 0, payload: String? = nil
    ) async throws -> EnqueueOutcome {
        let job = try unique(id, key, until: span, conflict, due: due, priority: priority, payload: payload)
        return try await store.enqueue([job], on: queue)[0]
    }

    /// What `unique` says of a key; `nil` = it is nobody's.
    func holder(of key: String) async throws -> String? {
        try await redis("HGET", self.key("unique"), key).string
    }
}
