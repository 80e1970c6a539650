import Stint
import StintBench
import StintCore
import StintRedis
import StintStore

/// Redis time per job, from `INFO commandstats`, beside the bare commands.
struct CostBench {
    static let batches = [100, 10, 1]
    /// The machine's speed drifts: bare and scripted rounds take turns, and what is told are medians, of the ratios too.
    static let rounds = 5

    let url: String
    let jobs: Int

    func run(_ report: inout Report) async throws {
        try await withClient(url) { client in
            var bare: [Double] = []
            var scripted: [Int: [Double]] = [:]
            for _ in 0..<Self.rounds {
                bare.append(try await Bare(redis: client.redis).cost(jobs: jobs / Self.rounds))
                for batch in Self.batches {
                    try await client.flush()
                    scripted[batch, default: []].append(
                        try await Self.scripts(client, on: ["cost"], jobs: jobs / Self.rounds, batch: batch))
                }
            }
            report.add(
                "bare ZADD HSET / ZPOPMIN ZADD HMGET / ZREM HDEL, batch 100", bare.median, "µs of Redis per job")
            for batch in Self.batches {
                let costs = scripted[batch] ?? []
                report.add(
                    "enqueue + claim + ack, batch \(batch)", costs.median, "µs of Redis per job",
                    batch == 1 ? .atMost(30) : nil)
                report.add(
                    "ratio to bare, batch \(batch)", zip(costs, bare).map { $0 / $1 }.median, "",
                    batch == 100 ? .atMost(1.7) : nil, ratio: .cost(batch: batch))
            }
        }
    }

    /// µs of Redis per job for enqueue, claim and ack, the batches going round the queues.
    static func scripts(_ client: StintClient, on queues: [QueueName], jobs: Int, batch: Int) async throws -> Double {
        let consumer = try ConsumerID(name: "bench")
        let store = client.store
        let batches = jobs / batch
        let bare = Bare(redis: client.redis)
        var us = try await bare.spent(Bare.scripts) {
            try await Producer(client).bulk(batches * batch, batch: batch, on: queues)
        }
        let claims = Collected<(queue: QueueName, claim: Claim)>()
        us += try await bare.spent(Bare.scripts) {
            try await pipelined(batches) { index in
                let queue = queues[index % queues.count]
                claims.append((queue, try await store.claim(batch, from: queue, for: consumer, lease: .seconds(300))))
            }
        }
        let all = claims.all
        us += try await bare.spent(Bare.scripts) {
            try await pipelined(all.count) { index in
                let held = all[index].claim.jobs.map { Held(id: $0.id, token: $0.token) }
                if !held.isEmpty { _ = try await store.ack(held, on: all[index].queue, by: consumer) }
            }
        }
        let claimed = all.reduce(0) { $0 + $1.claim.jobs.count }
        precondition(claimed == batches * batch, "as many jobs are claimed and acked as were enqueued")
        return us / Double(claimed)
    }
}
