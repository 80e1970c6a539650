package import StintCore
import StintLua
import StintRedis

/// The reads for people: stats, lists, single jobs, nodes. Nothing here changes anything, and every read is bounded.
package struct Inspector: Sendable {
    package let store: Store

    package init(_ store: Store) {
        self.store = store
    }

    /// A queue at a glance. A queue that nobody ever used has zeros everywhere.
    package func stats(of queue: QueueName) async throws(StintError) -> QueueStats {
        let reply = try await store.call(Scripts.stats, queue) { _ in }
        var values: [String: Int64] = [:]
        var order = QueueOrder.priority
        for at in stride(from: 0, to: reply.count - 1, by: 2) {
            let name = reply[at].string ?? ""
            if name == "order" { order = QueueOrder(setting: reply[at + 1].string ?? "") }
            values[name] = reply[at + 1].integer
        }
        return QueueStats(name: queue, order: order, values)
    }

    /// The queues in the register, sorted.
    package func queues() async throws(StintError) -> [QueueName] {
        var command = RedisCommand("SMEMBERS")
        command.append(store.keys.queues)
        return try await store.send(command, "list queues").children.compactMap { reply in
            reply.string.flatMap { try? QueueName($0) }
        }.sorted()
    }

    /// All that is known of some jobs, in one consistent look. Unknown ids have no state.
    package func jobs(_ ids: [JobID], on queue: QueueName) async throws(StintError) -> [JobDetail] {
        if ids.isEmpty { return [] }
        let reply = try await store.call(Scripts.show, queue) { command in
            for id in ids { command.append(id.rawValue) }
        }
        guard reply.count == ids.count + 1, let serverMs = reply[0].integer else {
            throw .malformedReply("show \(queue)")
        }
        return zip(ids, reply.children.dropFirst()).map { id, fields in
            JobDetail(id: id, queue: queue, serverMs: serverMs, Array(fields.children))
        }
    }

    package func job(_ id: JobID, on queue: QueueName) async throws(StintError) -> JobDetail? {
        try await jobs([id], on: queue).first.flatMap { $0.state == nil ? nil : $0 }
    }

    /// The ids in one state, in the order of their index, from `offset`. Those of done jobs have no order.
    package func ids(_ state: JobState, on queue: QueueName, offset: Int = 0, limit: Int) async throws(StintError)
        -> [JobID]
    {
        if state == .done { return try await doneIDs(on: queue, offset: offset, limit: limit) }
        var command = RedisCommand("ZRANGE")
        command.append(store.keys.state(state, of: queue))
        command.append(offset)
        command.append(offset + max(1, limit) - 1)
        return try await store.send(command, "list \(state.rawValue) jobs of \(queue)").children.compactMap { reply in
            reply.string.map(JobID.init(unchecked:))
        }
    }

    /// How many ready jobs are claimed before this one; `nil` = it is not ready.
    package func ahead(of id: JobID, on queue: QueueName) async throws(StintError) -> Int? {
        var command = RedisCommand("ZRANK")
        command.append(store.keys.state(.ready, of: queue))
        command.append(id.rawValue)
        return try await store.send(command, "find the place of \(id)").integer.map(Int.init)
    }

    private func doneIDs(on queue: QueueName, offset: Int, limit: Int) async throws(StintError) -> [JobID] {
        var found: [JobID] = [], seen: Set<JobID> = []
        for key in [store.keys.state(.done, of: queue), store.keys.doneBefore(queue)] {
            var cursor = "0"
            repeat {
                var command = RedisCommand("SSCAN")
                command.append(key)
                command.append(cursor)
                command.append("COUNT")
                command.append(Defaults.maxJobsPerCall)
                let reply = try await store.send(command, "list done jobs of \(queue)")
                guard reply.count == 2, let next = reply[0].string else { throw .malformedReply("list done jobs") }
                for id in reply[1].children.compactMap({ $0.string.map(JobID.init(unchecked:)) })
                where seen.insert(id).inserted {
                    found.append(id)
                }
                cursor = next
            } while cursor != "0" && found.count < offset + limit
        }
        return Array(found.dropFirst(offset).prefix(limit))
    }

    /// The leases that a consumer holds: how a claim whose reply was lost is found again.
    ///
    /// Walks the leases of the whole queue in bounded steps; for when a connection broke, not for every day.
    package func leases(of consumer: ConsumerID, on queue: QueueName) async throws(StintError) -> [Held] {
        var held: [Held] = []
        var cursor = "0"
        let tail = ":" + consumer.description
        repeat {
            var command = RedisCommand("HSCAN")
            command.append(store.keys.leases(queue))
            command.append(cursor)
            command.append("COUNT")
            command.append(Defaults.maxJobsPerCall)
            let reply = try await store.send(command, "find leases on \(queue)")
            guard reply.count == 2, let next = reply[0].string else { throw .malformedReply("find leases on \(queue)") }
            let pairs = reply[1]
            var found: [(deadline: String, token: Token)] = []
            for at in stride(from: 0, to: pairs.count - 1, by: 2) {
                guard let deadline = pairs[at].string, let lease = pairs[at + 1].string, lease.hasSuffix(tail),
                    let token = Int64(lease.dropLast(tail.count))
                else { continue }
                found.append((deadline, Token(rawValue: token)))
            }
            held += try await jobs(of: found, on: queue)
            cursor = next
        } while cursor != "0"
        return held
    }

    /// The jobs of leases that end at these moments. All calls at once: one round trip, however many leases there are.
    private func jobs(
        of leases: [(deadline: String, token: Token)], on queue: QueueName
    ) async throws(StintError) -> [Held] {
        let (store, key) = (self.store, self.store.keys.state(.leased, of: queue))
        let results = await withTaskGroup(of: Result<[Held], StintError>.self) { group in
            for (deadline, token) in leases {
                group.addTask {
                    do throws(StintError) {
                        var command = RedisCommand("ZRANGE")
                        command.append(contentsOf: [key, deadline, deadline, "BYSCORE", "LIMIT", "0"])
                        command.append(Defaults.maxJobsPerCall)
                        let reply = try await store.send(command, "find leases on \(queue)")
                        let ids = reply.children.compactMap { $0.string.map(JobID.init(unchecked:)) }
                        return .success(ids.map { Held(id: $0, token: token) })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var held: [Held] = []
        for result in results { held += try result.get() }
        return held
    }

    /// The nodes in the register, with the age of their last beat.
    package func nodes() async throws(StintError) -> [NodeEntry] {
        var beats = RedisCommand("ZRANGE")
        beats.append(contentsOf: [store.keys.nodes, "0", "9999", "WITHSCORES"])
        let now = try await store.send(RedisCommand("TIME"), "list nodes")
        let nowMs = (now[0].integer ?? 0) * 1000 + (now[1].integer ?? 0) / 1000
        let reply = try await store.send(beats, "list nodes")
        let entries = stride(from: 0, to: reply.count - 1, by: 2).compactMap { at -> (ConsumerID, Int64)? in
            guard let consumer = reply[at].string.flatMap({ ConsumerID(parsing: $0) }), let beat = reply[at + 1].integer
            else { return nil }
            return (consumer, beat)
        }
        if entries.isEmpty { return [] }
        var abouts = RedisCommand("HMGET")
        abouts.append(store.keys.abouts)
        for (consumer, _) in entries { abouts.append(consumer.description) }
        let texts = try await store.send(abouts, "list nodes")
        return zip(entries, texts.children).map { entry, about in
            NodeEntry(
                consumer: entry.0, lastBeatAgo: .milliseconds(max(0, nowMs - entry.1)), about: about.string ?? "{}")
        }.sorted { $0.consumer.description < $1.consumer.description }
    }
}
