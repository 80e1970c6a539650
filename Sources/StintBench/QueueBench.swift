package import Stint
package import StintCore
package import StintRedis
import StintStore

/// What `stint bench` measures.
package struct BenchPlan: Sendable {
    package var queue: QueueName
    package var jobs = 100_000
    package var payloadBytes = 200
    /// Jobs of one enqueue.
    package var batch = 1000
    package var concurrency = 256
    /// How long a run takes.
    package var handler = Duration.zero
    /// Single jobs, for pick-up and lateness.
    package var singles = 200
    /// Redis runs on this machine: its CPU and ours are of the same cores.
    package var isLocal = false

    package init(queue: QueueName) {
        self.queue = queue
    }
}

package enum BenchStep: String, Sendable {
    case roundTrip = "PING", enqueue, process, pickUp = "pick-up", lateness
}

/// Many jobs, and what they took.
package struct BenchPhase: Sendable {
    package let jobs: Int
    /// What the rate is made of.
    package let seconds: Double
    /// What the loads are made of: with the start of a node.
    let elapsed: Double
    /// Of Redis, for whomever it worked; `nil` = it does not say.
    let redisUs: Double?
    /// Of this process.
    let cpuUs: Double

    package var perSecond: Double { Double(jobs) / seconds }
    package var redisUsPerJob: Double? { redisUs.map { $0 / Double(jobs) } }
    package var cpuUsPerJob: Double { cpuUs / Double(jobs) }
    /// The share of a core.
    package var redisBusy: Double? { redisUs.map { $0 / elapsed / 1e6 } }
    package var cpuBusy: Double { cpuUs / elapsed / 1e6 }
}

package struct BenchResult: Sendable {
    package let plan: BenchPlan
    package let roundTrip: LatencySummary
    package let enqueue, process: BenchPhase
    package let pickUp, lateness: LatencySummary
    /// How much of the time of all slots the handlers took.
    package let slots: Double

    package var limit: BenchLimit {
        BenchLimit(
            slots: slots, redis: process.redisBusy, node: process.cpuBusy,
            sharedCores: plan.isLocal ? ProcessUse.cores : nil)
    }
}

/// The user's measurement: one producer and one node, in this process, on a queue without jobs.
package struct QueueBench: Sendable {
    package typealias Progress = @Sendable (_ step: BenchStep, _ done: Int, _ of: Int) -> Void

    package let plan: BenchPlan
    package let producer: Producer
    private let connect: @Sendable () async throws -> StintClient
    private let progress: Progress

    /// - Parameter connect: gives a node connections of its own.
    package init(
        _ plan: BenchPlan, _ client: StintClient, connect: @escaping @Sendable () async throws -> StintClient,
        progress: @escaping Progress
    ) {
        self.plan = plan
        self.producer = Producer(client, payloadBytes: max(Stamp.length, plan.payloadBytes))
        self.connect = connect
        self.progress = progress
    }

    /// Ends early when its task is cancelled. Whoever calls it clears the queue.
    package func run() async throws -> BenchResult {
        progress(.roundTrip, 0, plan.singles)
        let roundTrip = try await redis.roundTrips(plan.singles)
        let enqueue = try await enqueue()
        let (process, slots) = try await process()
        let (pickUp, lateness) = try await singles()
        return BenchResult(
            plan: plan, roundTrip: roundTrip, enqueue: enqueue, process: process, pickUp: pickUp, lateness: lateness,
            slots: slots)
    }

    private var redis: RedisClient { producer.client.store.client }

    private func enqueue() async throws -> BenchPhase {
        try await phase { [progress, plan] in
            let began = ContinuousClock.now
            try await producer.bulk(plan.jobs, batch: plan.batch, on: [plan.queue]) {
                progress(.enqueue, $0, plan.jobs)
            }
            return (ContinuousClock.now - began).inSeconds
        }
    }

    private func process() async throws -> (BenchPhase, slots: Double) {
        let nodes = BenchNodes(expecting: plan.jobs)
        let phase = try await phase { [progress, plan] in
            try await nodes.run(nodePlan, connect: connect) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while true {
                            progress(.process, nodes.finished, plan.jobs)
                            try await Task.sleep(for: .milliseconds(200))
                        }
                    }
                    defer { group.cancelAll() }
                    try await nodes.finish()
                }
            }
            return nodes.span
        }
        return (phase, nodes.handlerSeconds / phase.seconds / Double(plan.concurrency))
    }

    private func singles() async throws -> (pickUp: LatencySummary, lateness: LatencySummary) {
        let (early, late) = (BenchNodes(), BenchNodes())
        try await early.run(nodePlan, connect: connect) {
            try await Task.sleep(for: .milliseconds(200))
            progress(.pickUp, 0, plan.singles)
            try await producer.pickUps(plan.singles, on: [plan.queue], started: early.nextStart)
        }
        try await late.run(nodePlan, connect: connect) {
            progress(.lateness, 0, plan.singles)
            try await producer.delayed(plan.singles, on: [plan.queue])
            for _ in 0..<plan.singles { try await late.nextStart() }
        }
        guard let pickUp = early.summaries[plan.queue.rawValue], let lateness = late.summaries[plan.queue.rawValue]
        else { preconditionFailure("every start that was waited for is recorded") }
        return (pickUp, lateness)
    }

    private var nodePlan: BenchNodes.Plan {
        var nodes = BenchNodes.Plan(queues: [plan.queue])
        nodes.concurrency = plan.concurrency
        nodes.handler = plan.handler
        return nodes
    }

    private func phase(_ body: () async throws -> Double) async throws -> BenchPhase {
        let (began, cpuBefore, redisBefore) = (ContinuousClock.now, ProcessUse.cpuUs, try await redisCPU())
        let seconds = try await body()
        let redisUs = try await redisCPU().flatMap { after in redisBefore.map { after - $0 } }
        return BenchPhase(
            jobs: plan.jobs, seconds: seconds, elapsed: (ContinuousClock.now - began).inSeconds, redisUs: redisUs,
            cpuUs: ProcessUse.cpuUs - cpuBefore)
    }

    /// Not every user may ask.
    private func redisCPU() async throws -> Double? {
        do {
            return try await ServerInfo.read("cpu", redis).cpuUs
        } catch {
            guard error.code == .noPermission else { throw error }
            return nil
        }
    }
}

extension RedisClient {
    /// The times of PINGs, one after the other.
    package func roundTrips(_ count: Int) async throws -> LatencySummary {
        let latencies = LatencyRecorder()
        try await pipelined(count, callers: 1) { _ in
            let began = ContinuousClock.now
            _ = try await self.send(RedisCommand("PING"))
            latencies.record(ContinuousClock.now - began)
        }
        return latencies.summary
    }
}
