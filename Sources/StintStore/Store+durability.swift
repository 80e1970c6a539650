import StintCore
import StintLua
import StintRedis

extension Store {
    /// An enqueue that counts only when as many replicas have it as ``durability`` asks for; a call like others where it asks
    /// for none.
    ///
    /// WAIT is about the writes of its own connection. A repeated enqueue may find all its jobs there and write nothing, and its
    /// connection may be a new one: so a write that changes nothing goes between them.
    ///
    /// - Throws: ``StintError`` with code `unconfirmed` when too few replicas have it: it is accepted all the same.
    func callDurably(
        _ script: Script, _ queue: QueueName, reserving bytes: Int, timeout: Duration?,
        _ arguments: (inout RedisCommand) -> Void
    ) async throws(StintError) -> RedisReply {
        guard let durability else {
            return try await call(script, queue, reserving: bytes, timeout: timeout, arguments)
        }
        let operation = "\(script.name) \(queue)"
        var write = RedisCommand("HSET")
        write.append(contentsOf: [keys.meta(queue), "schema", Self.schema])
        var wait = RedisCommand("WAIT")
        wait.append(durability.replicas)
        wait.append(durability.within.wholeMs)
        do {
            let (reply, followers) = try await client.call(
                RedisScript(name: script.name, source: script.source, sha1: script.sha1), keys: [keys.queue(queue)],
                followedBy: [write, wait], followersTimeout: durability.within + .seconds(10), timeout: timeout,
                reserving: bytes, arguments)
            let reached = followers[1].integer ?? 0
            guard reached >= durability.replicas else {
                throw StintError(
                    .unconfirmed, operation, "accepted, but \(reached) of \(durability) had it",
                    advice: "Look at the replicas (INFO replication). Enqueueing again with the same id is safe.")
            }
            return reply
        } catch let error as RedisError {
            throw StintError(error, doing: operation)
        } catch {
            throw error as? StintError ?? .malformedReply(operation)
        }
    }
}
