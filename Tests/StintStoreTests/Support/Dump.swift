import NIOCore
import StintCore
import StintLua
import StintRedis
import Testing

/// All that a queue holds, at one instant, and the rules that it has to keep whatever happened.
struct Dump: Equatable {
    /// Every key of a queue.
    static let names = [
        "ready", "scheduled", "leased", "dead", "done", "done_before", "cancelled", "jobs", "leases", "tries",
        "history", "cancels", "places", "estimates", "meta", "wake", "unique", "unique_of", "unique_until", "effects",
        "events",
        "ends",
        "results", "results_until", "progress", "checkpoints",
    ]

    /// In the order of the index.
    let indexes: [JobState: [String]]
    let records, leases, tries, cancels, effects, history, progress, checkpoints, results, untils: Set<String>
    /// Key → who holds it, for as long as it lives; those that are held for a time are left out.
    let keys: [String: String]
    /// Job → mode and key.
    let keyOf: [String: String]
    /// The hashes that `meta` names as extras.
    let extras: Set<String>

    /// The state of every job that there is.
    var states: [String: JobState] {
        var states: [String: JobState] = [:]
        for (state, ids) in indexes {
            for id in ids { states[id] = state }
        }
        return states
    }

    /// What is wrong, in sentences; empty when all is well.
    func violations(missingRecords: Set<String> = []) -> [String] {
        var found: [String] = []
        func check(_ ids: some Sequence<String>, _ sentence: String) {
            for id in ids.sorted().prefix(5) { found.append("\(id) \(sentence)") }
        }
        let all = indexes.values.flatMap { $0 }
        check(Dictionary(grouping: all) { $0 }.filter { $0.value.count > 1 }.keys, "is in more than one index")
        let done = Set(indexes[.done] ?? [])
        let leased = Set(indexes[.leased] ?? [])
        let alive = Set(all).subtracting(done)
        check(alive.subtracting(records).subtracting(missingRecords), "is in an index and has no record")
        check(records.subtracting(alive), "has a record and is in no index but done")
        check(leased.subtracting(leases), "is leased and has no lease")
        check(leases.subtracting(leased), "has a lease and is not leased")
        check(cancels.subtracting(leased), "is wanted cancelled and is not leased")
        check(tries.subtracting(alive), "has tries and does not live")
        check(progress.union(checkpoints).subtracting(alive), "has notes and does not live")
        check(results.subtracting(untils), "has a result that is kept for ever")
        check(effects.subtracting(alive), "has steps and does not live")
        check(history.subtracting(alive), "has a history and does not live")
        check(Set(keyOf.keys).subtracting(alive), "has a unique key and does not live")
        let living = alive.subtracting(indexes[.dead] ?? []).subtracting(indexes[.cancelled] ?? [])
        check(Set(keys.values).subtracting(living), "holds a unique key and has ended")
        let owners = keyOf.filter { living.contains($0.key) && $0.value.first != "t" }
        check(owners.filter { keys[String($0.value.dropFirst(2))] != $0.key }.keys, "does not hold its unique key")
        check(keys.filter { keyOf[$0.value].map { String($0.dropFirst(2)) } != $0.key }.keys, "is nobody's key")
        let hashes = [
            ("tries", tries), ("cancels", cancels), ("effects", effects), ("unique_of", Set(keyOf.keys)),
            ("history", history), ("progress", progress), ("checkpoints", checkpoints),
        ]
        for (name, ids) in hashes where !ids.isEmpty && !extras.contains(name) {
            found.append("\(name) is not named among the extras")
        }
        return found
    }
}

extension Bench {
    func dump() async throws -> Dump {
        let reply = try await eval(
            """
            local p, out = KEYS[1], {}
            for i, name in ipairs({ 'scheduled', 'ready', 'leased', 'done', 'dead', 'cancelled' }) do
                out[i] = name == 'done' and redis.call('SUNION', p .. 'done', p .. 'done_before')
                    or redis.call('ZRANGE', p .. name, 0, -1)
            end
            -- Of leases, the jobs that end at their deadlines; a deadline without a job stands for itself.
            local leases = {}
            for _, deadline in ipairs(redis.call('HKEYS', p .. 'leases')) do
                local ids = redis.call('ZRANGE', p .. 'leased', deadline, deadline, 'BYSCORE')
                for _, id in ipairs(#ids > 0 and ids or { deadline }) do leases[#leases + 1] = id end
            end
            out[7] = leases
            for _, name in ipairs({ 'jobs', 'tries', 'cancels', 'effects' }) do
                out[#out + 1] = redis.call('HKEYS', p .. name)
            end
            out[#out + 1] = { redis.call('HGET', p .. 'meta', 'extras') or '' }
            for _, name in ipairs({ 'unique', 'unique_of' }) do
                out[#out + 1] = redis.call('HGETALL', p .. name)
            end
            for _, name in ipairs({ 'history', 'progress', 'checkpoints', 'results' }) do
                out[#out + 1] = redis.call('HKEYS', p .. name)
            end
            out[#out + 1] = redis.call('ZRANGE', p .. 'results_until', 0, -1)
            return out
            """)
        let lists = reply.children.map { list in list.children.map { $0.string ?? "" } }
        return Dump(
            indexes: Dictionary(uniqueKeysWithValues: zip(JobState.allCases, lists)),
            records: Set(lists[7]), leases: Set(lists[6]), tries: Set(lists[8]), cancels: Set(lists[9]),
            effects: Set(lists[10]), history: Set(lists[14]),
            progress: Set(lists[15]), checkpoints: Set(lists[16]), results: Set(lists[17]), untils: Set(lists[18]),
            keys: pairs(lists[12]).filter { !$0.value.contains(" ") }, keyOf: pairs(lists[13]),
            extras: Set((lists[11].first ?? "").split(separator: ",").map(String.init))
        )
    }

    private func pairs(_ list: [String]) -> [String: String] {
        var pairs: [String: String] = [:]
        for at in stride(from: 0, to: list.count - 1, by: 2) { pairs[list[at]] = list[at + 1] }
        return pairs
    }

    /// What is in every key: two equal prints say that nothing was written in between. Not the bytes of hashes and sets: Redis
    /// brings those of a table that has grown into another order, also when they are only read.
    func fingerprint() async throws -> [ByteBuffer?] {
        let names = Dump.names.map { "'\($0)'" }.joined(separator: ",")
        return try await eval(
            """
            local out, call = {}, redis.call
            for i, name in ipairs({ \(names) }) do
                local key, members = KEYS[1] .. name, nil
                local kind = call('TYPE', key).ok
                if kind == 'hash' then
                    local all = call('HGETALL', key)
                    members = {}
                    for k = 1, #all, 2 do members[#members + 1] = #all[k] .. ' ' .. all[k] .. all[k + 1] end
                elseif kind == 'set' then
                    members = call('SMEMBERS', key)
                end
                if members then
                    table.sort(members)
                    for k = 1, #members do members[k] = #members[k] .. ' ' .. members[k] end
                end
                out[i] = members and table.concat(members) or call('DUMP', key) or ''
            end
            return out
            """
        ).children.map(\.bytes)
    }

    /// Runs something that has to change nothing.
    func expectNoWrites<T>(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> T
    ) async throws -> T {
        let before = try await fingerprint()
        let result = try await body()
        #expect(try await fingerprint() == before, "something was written", sourceLocation: sourceLocation)
        return result
    }

    /// A script call that has to be refused for its arguments, before it writes anything.
    func expectRefused(
        _ script: Script, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await expectNoWrites(sourceLocation: sourceLocation) {
            let error = await #expect(
                throws: RedisError.self, "\(arguments.prefix(12))", sourceLocation: sourceLocation
            ) {
                try await raw(script, arguments)
            }
            #expect(
                error?.message.contains("STINT_ARGUMENTS") == true, "\(arguments.prefix(12)): \(error?.message ?? "")",
                sourceLocation: sourceLocation)
        }
    }
}
