import Foundation
import Logging
import NIOCore
import Stint
import StintCore
import StintRedis
import StintStore

/// Redis server time per job, from `INFO commandstats`, beside the bare data-structure commands; and memory per job.
struct CostBench {
    let url: String
    let jobs: Int
    static let payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: 200)

    /// The machine's speed drifts: bare and scripted rounds take turns, and what is told are medians, of the ratios too.
    private static let rounds = 5

    func run(_ report: inout Report) async throws {
        let client = try await StintClient(.redis(url), logger: quiet)
        var bare: [Double] = []
        var scripted: [Int: [Double]] = [:]
        for _ in 0..<Self.rounds {
            bare.append(try await bareCommands(client.store.client))
            for batch in [100, 10, 1] { scripted[batch, default: []].append(try await scripts(client, batch: batch)) }
        }
        report.add(
            "bare ZADD HSET / ZPOPMIN ZADD HMGET / ZREM HDEL, batch 100", bare.percentile(0.5), "µs of Redis per job")
        for batch in [100, 10, 1] {
            let costs = scripted[batch] ?? []
            report.add("enqueue + claim + ack, batch \(batch)", costs.percentile(0.5), "µs of Redis per job")
            let ratio = zip(costs, bare).map { $0 / $1 }.percentile(0.5)
            report.add("ratio to bare, batch \(batch)", ratio, "", batch == 100 ? .atMost(2.2) : nil)
        }
        try await memory(client, &report)
        await client.close()
    }

    private var jobsPerRound: Int { jobs / Self.rounds }

    private func scripts(_ client: StintClient, batch: Int) async throws -> Double {
        let queue: QueueName = "bench"
        let consumer = try ConsumerID(name: "bench")
        let store = client.store
        try await reset(store.client)
        let batches = jobsPerRound / batch
        var cost = try await measured(store.client, ["evalsha"]) { try await enqueue(batches, of: batch, client) }
        let claims = Collected<Claim>()
        cost += try await measured(store.client, ["evalsha"]) {
            try await pipelined(batches) { _ in
                claims.append(try await store.claim(batch, from: queue, for: consumer, lease: .seconds(300)))
            }
        }
        let all = claims.all
        cost += try await measured(store.client, ["evalsha"]) {
            try await pipelined(all.count) { index in
                let held = all[index].jobs.map { Held(id: $0.id, token: $0.token) }
                if !held.isEmpty { _ = try await store.ack(held, on: queue, by: consumer) }
            }
        }
        let acked = try await client.stats(of: queue).ackedTotal
        precondition(acked == batches * batch, "every job of the benchmark is acked")
        return cost
    }

    private func memory(_ client: StintClient, _ report: inout Report) async throws {
        try await reset(client.store.client)
        let before = try await usedMemory(client.store.client)
        try await enqueue(jobs / 100, of: 100, client)
        let bytes = Double(try await usedMemory(client.store.client) - before) / Double(jobs)
        report.add("Redis memory per ready job, beyond its 200 B payload", bytes - 200, "B", .atMost(260))
    }

    private func enqueue(_ batches: Int, of batch: Int, _ client: StintClient) async throws {
        let minter = JobIDMinter()
        try await pipelined(batches) { _ in
            let new = minter.mint(batch, atMs: wallMs()).map {
                NewJob(id: $0, isFresh: true, header: JobHeader(type: "bench"), payload: Self.payload)
            }
            _ = try await client.store.enqueue(new, on: "bench")
        }
    }

    /// The least that the same data costs: no order beyond the score, no tokens, no checks, nothing atomic.
    private func bareCommands(_ redis: RedisClient) async throws -> Double {
        try await reset(redis)
        let batch = 100, batches = jobsPerRound / batch
        let minter = JobIDMinter()
        var record = ByteBuffer(string: "jbench\n")
        record.writeImmutableBuffer(Self.payload)
        let payload = record
        var cost = try await measured(redis, ["zadd", "hset"]) {
            try await pipelined(batches) { _ in
                var zadd = RedisCommand("ZADD"), hset = RedisCommand("HSET")
                zadd.append("bare:ready")
                hset.append("bare:jobs")
                let ms = wallMs()
                for id in minter.mint(batch, atMs: ms) {
                    zadd.append(ms)
                    zadd.append(id.rawValue)
                    hset.append(id.rawValue)
                    hset.append(payload)
                }
                _ = try await redis.send(zadd)
                _ = try await redis.send(hset)
            }
        }
        let popped = Collected<[String]>()
        cost += try await measured(redis, ["zpopmin", "zadd", "hmget"]) {
            try await pipelined(batches) { _ in
                var pop = RedisCommand("ZPOPMIN"), zadd = RedisCommand("ZADD"), get = RedisCommand("HMGET")
                pop.append(contentsOf: ["bare:ready", String(batch)])
                let reply = try await redis.send(pop)
                let ids = stride(from: 0, to: reply.count, by: 2).map { reply[$0].string ?? "" }
                zadd.append("bare:leased")
                get.append("bare:jobs")
                let deadline = wallMs() + 30_000
                for id in ids {
                    zadd.append(deadline)
                    zadd.append(id)
                    get.append(id)
                }
                _ = try await redis.send(zadd)
                _ = try await redis.send(get)
                popped.append(ids)
            }
        }
        let all = popped.all
        cost += try await measured(redis, ["zrem", "hdel"]) {
            try await pipelined(all.count) { index in
                var rem = RedisCommand("ZREM"), del = RedisCommand("HDEL")
                rem.append("bare:leased")
                rem.append(contentsOf: all[index])
                del.append("bare:jobs")
                del.append(contentsOf: all[index])
                _ = try await redis.send(rem)
                _ = try await redis.send(del)
            }
        }
        return cost
    }

    private func measured(_ redis: RedisClient, _ names: Set<String>, _ body: () async throws -> Void) async throws
        -> Double
    {
        var resetStats = RedisCommand("CONFIG")
        resetStats.append("RESETSTAT")
        _ = try await redis.send(resetStats)
        try await body()
        return Double(
            try await CommandStats.read(redis).filter { names.contains($0.key) }.values.reduce(0) { $0 + $1.usec })
            / Double(jobsPerRound)
    }

    private func reset(_ redis: RedisClient) async throws {
        _ = try await redis.send(RedisCommand("FLUSHALL"))
    }

    private func usedMemory(_ redis: RedisClient) async throws -> Int {
        var info = RedisCommand("INFO")
        info.append("memory")
        let text = try await redis.send(info).string ?? ""
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") } ?? ""
        return Int(line.dropFirst("used_memory:".count)) ?? 0
    }
}

/// Sixteen callers, as a busy node has them, so that the round trips do not dominate.
func pipelined(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<16 {
            group.addTask {
                for index in stride(from: caller, to: count, by: 16) { try await body(index) }
            }
        }
        try await group.waitForAll()
    }
}

struct CommandStats {
    let calls: Int
    let usec: Int

    static func read(_ redis: RedisClient) async throws -> [String: CommandStats] {
        var info = RedisCommand("INFO")
        info.append("commandstats")
        var stats: [String: CommandStats] = [:]
        for line in (try await redis.send(info).string ?? "").split(whereSeparator: \.isNewline)
        where line.hasPrefix("cmdstat_") {
            let pair = line.dropFirst("cmdstat_".count).split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else { continue }
            var fields: [Substring: Int] = [:]
            for field in pair[1].split(separator: ",") {
                let parts = field.split(separator: "=")
                if parts.count == 2 { fields[parts[0]] = Int(parts[1]) }
            }
            stats[String(pair[0])] = CommandStats(calls: fields["calls"] ?? 0, usec: fields["usec"] ?? 0)
        }
        return stats
    }
}
