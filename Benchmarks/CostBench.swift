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
    /// Batches that are leased at a time in the steady state, and jobs that wait meanwhile.
    static let inFlight = 3
    static let waiting = 20_000

    let url: String
    let jobs: Int

    func run(_ report: inout Report) async throws {
        try await withClient(url) { client in
            var bare: [Double] = []
            var scripted: [Int: [Double]] = [:]
            var steady: (bare: [Double], scripted: [Double]) = ([], [])
            for _ in 0..<Self.rounds {
                bare.append(try await Bare(redis: client.redis).cost(jobs: jobs / Self.rounds))
                steady.bare.append(
                    try await Bare(redis: client.redis).steadyCost(jobs: jobs / Self.rounds, waiting: Self.waiting))
                try await client.flush()
                steady.scripted.append(try await Self.steady(client, jobs: jobs / Self.rounds))
                for batch in Self.batches {
                    try await client.flush()
                    scripted[batch, default: []].append(
                        try await Self.scripts(client, on: ["cost"], jobs: jobs / Self.rounds, batch: batch))
                }
            }
            report.add(
                "bare ZADD HSET / ZPOPMIN ZADD HMGET / ZREM HDEL, batch 100", bare.median, "µs of Redis per job")
            report.add("the same, 20,000 waiting and 300 in flight", steady.bare.median, "µs of Redis per job")
            report.add(
                "enqueue + claim + ack, batch 100, 20,000 waiting and 300 in flight", steady.scripted.median,
                "µs of Redis per job")
            report.add(
                "ratio to bare, batch 100, 20,000 waiting and 300 in flight",
                zip(steady.scripted, steady.bare).map { $0 / $1 }.median, "", .atMost(1.7), ratio: .steadyCost)
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

    /// µs of Redis per job while 20,000 jobs wait and 300 are leased all the time.
    private static func steady(_ client: StintClient, jobs: Int) async throws -> Double {
        let (queue, batch): (QueueName, Int) = ("cost", Bare.batch)
        let consumer = try ConsumerID(name: "bench")
        let store = client.store
        func claim() async throws -> [Held] {
            try await store.claim(batch, from: queue, for: consumer, lease: .seconds(300)).jobs
                .map { Held(id: $0.id, token: $0.token) }
        }
        try await Producer(client).bulk(waiting, batch: batch, on: [queue])
        var inFlight: [[Held]] = []
        for _ in 0..<Self.inFlight { inFlight.append(try await claim()) }
        var done = 0
        let us = try await Bare(redis: client.redis).spent(Bare.scripts) {
            for _ in 0..<jobs / batch {
                try await Producer(client).bulk(batch, batch: batch, on: [queue])
                inFlight.append(try await claim())
                done += try await store.ack(inFlight.removeFirst(), on: queue, by: consumer).accepted
            }
        }
        precondition(done == jobs / batch * batch, "as many jobs are acked as were enqueued")
        return us / Double(done)
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
