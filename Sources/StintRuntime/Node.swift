package import Logging
package import StintCore
import StintRedis
package import StintStore
import Synchronization

/// A running node: claims jobs, runs them, and keeps its part of the cluster's order.
package final class Node: Sendable {
    private enum Stop: Int, Comparable {
        case no, graceful, now

        static func < (left: Stop, right: Stop) -> Bool { left.rawValue < right.rawValue }
    }

    /// How long all that is left to say to Redis may take: the last settles, and the good-bye.
    private static let settleGrace = Duration.seconds(5)

    package let configuration: NodeConfiguration
    private let state: NodeState
    private let pool: SlotPool
    private let ear: RedisClient
    private let inbox: RedisClient
    private let stop = Mutex(Stop.no)
    private let stopSignal: Signal
    private let drainSignal: Signal

    /// - Throws: ``StintError`` with code `invalidArgument`.
    package init(
        store: Store, configuration: NodeConfiguration, handlers: Handlers, logger: Logger,
        observer: NodeObserver? = nil
    ) throws(StintError) {
        try configuration.validate()
        var logger = logger
        logger[metadataKey: "consumer"] = "\(configuration.consumer)"
        let state = NodeState(
            store: store, configuration: configuration, handlers: handlers, logger: logger, observer: observer)
        let drainSignal = Signal(store.client.eventLoop)
        let job = RunJob(node: state)
        self.configuration = configuration
        self.state = state
        self.ear = RedisClient(store.client.configuration, eventLoop: store.client.eventLoop, logger: logger)
        var inbox = store.client.configuration
        inbox.clientName = InboxLoop.clientName
        self.inbox = RedisClient(inbox, eventLoop: store.client.eventLoop, logger: logger)
        self.stopSignal = Signal(store.client.eventLoop)
        self.drainSignal = drainSignal
        self.pool = SlotPool(
            concurrency: configuration.concurrency,
            onHungry: { state.claimSignal.raise() },
            onIdle: { state.idleSignal.raise() },
            onDrained: { drainSignal.raise() },
            run: { lease, slot in await job.run(lease, in: slot) }
        )
    }

    package var consumer: ConsumerID { configuration.consumer }

    /// Works until it is stopped, or its task is cancelled; then hands back what it holds, and returns.
    package func run() async {
        let executor = LoopExecutor(state.store.client.eventLoop)
        await withTaskCancellationHandler {
            await withTaskExecutorPreference(executor) {
                await work(executor)
            }
        } onCancel: {
            requestStop()
        }
    }

    /// Stops gracefully: no more claims, a grace for running jobs, then the rest is cancelled and released. A second call
    /// ends the grace.
    package func requestStop() {
        stop.withLock { $0 = $0 == .no ? .graceful : .now }
        stopSignal.raise()
        drainSignal.raise()
    }

    /// Does what the node was told from afar; of what it was told before only the difference.
    private func obey(_ order: NodeOrder?) {
        let before = state.order.withLock { last in
            defer { last = order }
            return last
        }
        if order == before || state.isStopping { return }
        state.logger.notice("told from afar", metadata: ["order": "\(order?.rawValue ?? "resume")"])
        if order == .stop { return requestStop() }
        pool.setQuiet(order == .quiet)
        if order == nil { state.agenda.heatAll() }
        // The register says what has become of it.
        state.registerSignal.raise()
    }

    private func work(_ executor: LoopExecutor) async {
        let (state, pool, ear, eventLoop) = (self.state, self.pool, self.ear, executor.eventLoop)
        let register = RegisterLoop(node: state) { order in self.obey(order) }
        pool.start()
        // Loops outlive the cancellation of the task that runs the node: leases must be kept while it hands them back.
        let claims = Task(executorPreference: executor) { await ClaimLoop(node: state, pool: pool).run() }
        let wakes = Task(executorPreference: executor) { await WakeLoop(node: state, pool: pool, ear: ear).run() }
        let loops: [Task<Void, Never>] = [
            Task(executorPreference: executor) { await HeartbeatLoop(node: state).run() },
            Task(executorPreference: executor) { await DeadlineLoop(node: state, pool: pool).run() },
            Task(executorPreference: executor) { await SettleLoop(node: state).run() },
            Task(executorPreference: executor) { await ReportLoop(node: state, timer: Signal(eventLoop)).run() },
            Task(executorPreference: executor) { await ReapLoop(node: state).run() },
            Task(executorPreference: executor) { await LookLoop(node: state, timer: Signal(eventLoop)).run() },
            Task(executorPreference: executor) {
                await PromoteLoop(node: state, pool: pool, timer: Signal(eventLoop)).run()
            },
            Task(executorPreference: executor) { await JanitorLoop(node: state, timer: Signal(eventLoop)).run() },
            Task(executorPreference: executor) { await register.run() },
            Task(executorPreference: executor) {
                await InboxLoop(node: state, ear: self.inbox, timer: Signal(eventLoop)).run()
            },
            Task(executorPreference: executor) {
                await CheckLoop(node: state, signal: Signal(eventLoop), timer: Signal(eventLoop)).run()
            },
            Task(executorPreference: executor) { await WatchLoop(node: state, timer: Signal(eventLoop)).run() },
        ]
        state.logger.info(
            "node started",
            metadata: [
                "queues": "\(configuration.queues.map(\.name.rawValue).joined(separator: ","))",
                "concurrency": "\(configuration.concurrency)",
            ])
        state.observe?(.started)
        while stop.withLock({ $0 }) == .no { await stopSignal.wait() }

        // What follows must not be cut short by the cancellation that led here.
        await Task(executorPreference: executor) {
            await self.endRuns(wakes)
            let end = ContinuousClock.now.advanced(by: Self.settleGrace)
            for task in [claims, wakes] { await self.wait(for: task, until: end, executor) }
            await self.waitForSettles(until: end)
            for loop in loops { loop.cancel() }
            for loop in loops { await self.wait(for: loop, until: end, executor) }
            let leave = Task(executorPreference: executor) {
                await self.state.giveUpAlarms()
                await register.leave()
            }
            await self.wait(for: leave, until: end, executor)
            await ear.close()
            await self.inbox.close()
        }.value
        state.logger.info("node stopped")
        state.observe?(.stopped)
    }

    private func endRuns(_ wakes: Task<Void, Never>) async {
        state.logger.info("node stopping", metadata: ["running": "\(state.leases.count)"])
        state.observe?(.stopping)
        state.stopClaiming()
        wakes.cancel()
        let job = RunJob(node: state)
        for lease in pool.close() { job.handBack(lease) }

        await waitForSlots(upTo: configuration.grace) { self.stop.withLock { $0 } == .now }
        if !pool.isDrained {
            for lease in state.leases.all where !lease.isFinished { lease.cancel(.shutdown) }
            await waitForSlots(upTo: configuration.cancelGrace) { false }
        }
        // A handler that ignores its cancellation ends with the process; its job need not wait for the lapse.
        for lease in state.leases.all where !lease.isFinished {
            if lease.cause != .leaseLost { _ = job.giveUp(lease) }
            job.handBack(lease)
        }
    }

    /// Waits for a task that may be waiting for a server which does not answer. After `end` it is left alone.
    private func wait(for task: Task<Void, Never>, until end: ContinuousClock.Instant, _ executor: LoopExecutor) async {
        let isOver = Signal(executor.eventLoop)
        Task(executorPreference: executor) {
            await task.value
            isOver.raise()
        }
        await isOver.wait(upTo: end - .now)
    }

    private func waitForSlots(upTo limit: Duration, unless isUrgent: () -> Bool) async {
        let end = ContinuousClock.now.advanced(by: limit)
        while !pool.isDrained, !isUrgent(), ContinuousClock.now < end {
            await drainSignal.wait(upTo: end - .now)
        }
    }

    private func waitForSettles(until end: ContinuousClock.Instant) async {
        while state.leases.count > 0, ContinuousClock.now < end {
            await drainSignal.wait(upTo: .milliseconds(5))
        }
        if state.leases.count > 0 {
            state.logger.error(
                "stopped with leases that could not be settled, the reaper takes care of them",
                metadata: ["jobs": "\(state.leases.count)"])
        }
    }
}
