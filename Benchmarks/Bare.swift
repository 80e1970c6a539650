import NIOCore
import StintBench
import StintCore
import StintRedis

/// The least that the same data costs: one variadic command for each structure, with the same ids and records. No order
/// beyond the score, no tokens, no checks, nothing atomic.
struct Bare {
    static let batch = 100
    static let scripts: Set<String> = ["evalsha", "eval", "fcall"]

    let redis: RedisClient

    /// µs of Redis per job for enqueue, claim and ack.
    func cost(jobs: Int) async throws -> Double {
        try await redis.send("FLUSHALL")
        let batches = jobs / Self.batch
        let (redis, record, minter) = (self.redis, Self.record, JobIDMinter())
        var us = try await spent(["zadd", "hset"]) {
            try await pipelined(batches) { _ in try await Self.enqueue(minter, record, redis) }
        }
        let popped = Collected<[String]>()
        us += try await spent(["zpopmin", "zadd", "hmget"]) {
            try await pipelined(batches) { _ in popped.append(try await Self.claim(redis)) }
        }
        let all = popped.all
        us += try await spent(["zrem", "hdel"]) {
            try await pipelined(all.count) { index in
                try await redis.send("ZREM", ["bare:leased"] + all[index])
                try await redis.send("HDEL", ["bare:jobs"] + all[index])
            }
        }
        return us / Double(batches * Self.batch)
    }

    /// The same in the steady state of a queue: `waiting` jobs stay ready, three batches are in flight.
    func steadyCost(jobs: Int, waiting: Int) async throws -> Double {
        try await redis.send("FLUSHALL")
        let (redis, record, minter) = (self.redis, Self.record, JobIDMinter())
        try await pipelined(waiting / Self.batch) { _ in try await Self.enqueue(minter, record, redis) }
        var inFlight: [[String]] = []
        for _ in 0..<CostBench.inFlight { inFlight.append(try await Self.claim(redis)) }
        let batches = jobs / Self.batch
        let us = try await spent(["zadd", "hset", "zpopmin", "hmget", "zrem", "hdel"]) {
            for _ in 0..<batches {
                try await Self.enqueue(minter, record, redis)
                inFlight.append(try await Self.claim(redis))
                let done = inFlight.removeFirst()
                try await redis.send("ZREM", ["bare:leased"] + done)
                try await redis.send("HDEL", ["bare:jobs"] + done)
            }
        }
        return us / Double(batches * Self.batch)
    }

    /// The time that Redis says it spent inside commands of these names during `body`, µs.
    func spent(_ names: Set<String>, _ body: () async throws -> Void) async throws -> Double {
        let before = try await ServerInfo.read("commandstats", redis).commandUs(names)
        try await body()
        return Double(try await ServerInfo.read("commandstats", redis).commandUs(names) - before)
    }

    /// The median time of a PING there and back, seconds.
    func roundTrip() async throws -> Double {
        try await redis.roundTrips(2000).p50Ms / 1000
    }

    private static let record: ByteBuffer = {
        var record = ByteBuffer(string: "jbench\n")
        record.writeRepeatingByte(UInt8(ascii: "x"), count: 200)
        return record
    }()

    private static func enqueue(_ minter: JobIDMinter, _ record: ByteBuffer, _ redis: RedisClient) async throws {
        var zadd = RedisCommand("ZADD"), hset = RedisCommand("HSET")
        zadd.append("bare:ready")
        hset.append("bare:jobs")
        let ms = ProcessUse.wallMs
        for id in minter.mint(batch, atMs: ms) {
            zadd.append(ms)
            zadd.append(id.rawValue)
            hset.append(id.rawValue)
            hset.append(record)
        }
        _ = try await redis.send(zadd)
        _ = try await redis.send(hset)
    }

    private static func claim(_ redis: RedisClient) async throws -> [String] {
        let reply = try await redis.send("ZPOPMIN", "bare:ready", String(batch))
        let ids = stride(from: 0, to: reply.count, by: 2).map { reply[$0].string ?? "" }
        var zadd = RedisCommand("ZADD")
        zadd.append("bare:leased")
        let deadline = ProcessUse.wallMs + 30_000
        for id in ids {
            zadd.append(deadline)
            zadd.append(id)
        }
        _ = try await redis.send(zadd)
        try await redis.send("HMGET", ["bare:jobs"] + ids)
        return ids
    }
}

extension RedisClient {
    @discardableResult
    func send(_ name: StaticString, _ arguments: [String]) async throws -> RedisReply {
        var command = RedisCommand(name)
        command.append(contentsOf: arguments)
        return try await send(command)
    }
}
