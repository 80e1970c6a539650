import Foundation
import NIOCore
import NIOPosix
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintStore

/// How soon a job starts: after its enqueue, and after its due time; and what an idle node costs.
struct LatencyBench {
    let url: String
    let singles: Int

    func pickUp(_ report: inout Report) async throws {
        var samples: [Double] = []
        try await withNode { client, queue, starts in
            for _ in 0..<singles {
                let began = ContinuousClock.now
                try await client.enqueue(payload: CostBench.payload, on: queue)
                samples.append((await starts.next()! - began).milliseconds)
                // The node has to go back to sleep, or this would measure a busy one.
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        report.add("pick-up on an idle node, p50", samples.percentile(0.5), "ms", .atMost(1))
        report.add("pick-up on an idle node, p99", samples.percentile(0.99), "ms", .atMost(5))
    }

    func lateness(_ report: inout Report) async throws {
        var samples: [Double] = []
        try await withNode { client, queue, starts in
            var due: [Double] = []
            let clock = ContinuousClock.now
            let wall = Date().timeIntervalSince1970 * 1000
            for _ in 0..<singles {
                let at = wall.rounded() + Double.random(in: 1000...3000).rounded()
                try await client.enqueue(
                    payload: CostBench.payload, on: queue, .at(Date(timeIntervalSince1970: at / 1000)))
                due.append(at - wall)
            }
            // Jobs start in the order of their due times, so that the sorted ones pair.
            var started: [Double] = []
            for _ in 0..<singles { started.append((await starts.next()! - clock).milliseconds) }
            samples = zip(started.sorted(), due.sorted()).map { $0 - $1 }
        }
        report.add("lateness of jobs due in 1 to 3 s, p50", samples.percentile(0.5), "ms")
        report.add("lateness of jobs due in 1 to 3 s, p99", samples.percentile(0.99), "ms", .atMost(5))
        report.add("earliest start against the due time", samples.min() ?? .nan, "ms", .atLeast(0))
    }

    func idle(_ report: inout Report) async throws {
        try await withNode { client, _, _ in
            try await Task.sleep(for: .seconds(2))
            let seconds = 15.0
            let before = try await calls(client)
            try await Task.sleep(for: .seconds(seconds))
            // The two INFO calls of this measurement are not the node's; commands that scripts run are not sent by anybody.
            let sent = Double(try await calls(client) - before - 1)
            report.add("commands that an idle node sends", sent / seconds, "per s", .atMost(1))
        }
    }

    private func calls(_ client: StintClient) async throws -> Int {
        let stats = try await CommandStats.read(client.store.client)
        return ["evalsha", "eval", "blpop", "info", "lpush", "hscan"].reduce(0) { $0 + (stats[$1]?.calls ?? 0) }
    }

    private func withNode(
        _ body: (StintClient, QueueName, inout AsyncStream<ContinuousClock.Instant>.AsyncIterator) async throws -> Void
    ) async throws {
        try await withRedis(url) { redis in _ = try await redis.send("FLUSHALL") }
        let nodeClient = try await StintClient(
            .redis(url), logger: quiet, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        let client = try await StintClient(
            .redis(url), logger: quiet, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        let queue: QueueName = "latency"
        let (starts, began) = AsyncStream<ContinuousClock.Instant>.makeStream()
        let configuration = NodeConfiguration(
            queues: [.init(queue)], concurrency: 8, consumer: try ConsumerID(name: "bench"))
        let (idle, sawIdle) = AsyncStream<Void>.makeStream()
        let node = try StintNode(nodeClient, configuration, Handlers(fallback: Handler { _ in began.yield(.now) })) {
            event in
            if case .started = event { sawIdle.yield() }
        }
        let work = Task { try await node.run() }
        for await _ in idle { break }
        try await Task.sleep(for: .milliseconds(200))
        var iterator = starts.makeAsyncIterator()
        try await body(client, queue, &iterator)
        node.stop()
        try await work.value
        await nodeClient.close()
        await client.close()
    }
}

extension Duration {
    var milliseconds: Double { inSeconds * 1000 }
}

/// A connection for the benchmark's own commands.
func withRedis(_ url: String, _ body: (RedisClient) async throws -> Void) async throws {
    let redis = RedisClient(
        RedisConfiguration(url: try RedisURL(url)), eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
        logger: quiet)
    try await redis.connect()
    try await body(redis)
    await redis.close()
}

extension RedisClient {
    func send(_ name: StaticString) async throws -> RedisReply {
        try await send(RedisCommand(name))
    }
}
