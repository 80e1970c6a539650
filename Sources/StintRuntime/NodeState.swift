import Logging
import Metrics
import NIOCore
import StintCore
import StintRedis
import StintStore
import Synchronization

/// What the loops of one node share.
final class NodeState: Sendable {
    /// What runs need of a store: Redis, or the memory of a test.
    let jobs: any JobStore
    private let redis: Store?
    let time: ManualTime?
    /// A uniform draw from 0 ..< 1, for the jitter of retries.
    let draw: @Sendable () -> Double
    let configuration: NodeConfiguration
    let handlers: Handlers
    /// The types that there are handlers for; `nil` = every type.
    let types: [JobType]?
    /// Until when not to listen for marks: others are to get them, who may know the types of what waits.
    let listensFrom = Mutex(ContinuousClock.now)
    let logger: Logger
    let observe: NodeObserver?
    let decoder: PayloadDecoder
    let values: ValueCodec
    let metrics: NodeMetrics?
    let agenda: Agenda
    let leases = LeaseTable()
    let pace = Pace()
    let runTimes = RunTimes()

    /// A slot is free, a mark came, a job is due: the claim loop has something to look at.
    let claimSignal: Signal
    /// The claim loop has nothing to do: worth listening for marks.
    let idleSignal: Signal
    let settleSignal: Signal
    let heartbeatSignal: Signal
    let deadlineSignal: Signal
    let reapSignal: Signal
    let promoteSignal: Signal
    /// The connection was made anew: the register has to know before other nodes miss the old one.
    let registerSignal: Signal
    /// Jobs are held, here or elsewhere: worth watching the nodes that hold them.
    let watchSignal: Signal
    /// Some queues have jobs: the others have to be looked at, because nobody listens for their marks.
    let lookSignal: Signal
    let outbox: Outbox
    /// When the deadline loop looks next; `nil` = it is looking.
    let nextLook = Mutex<ContinuousClock.Instant?>(nil)
    /// How many handlers were given up because they ignored their cancellation.
    let abandoned = Atomic(0)
    /// Queues whose leases are to be extended now, because somebody said so.
    let nudged = Mutex<Set<QueueName>>([])
    /// A claim is under way: jobs may come that nobody knows of yet.
    let isClaiming = Atomic(false)
    /// What this node was told from afar.
    let order = Mutex<NodeOrder?>(nil)
    let desk: JobDesk
    let surroundings: JobContext.Surroundings

    private let jumpGuard = Mutex(ClockJumpGuard())
    private let serverTime = Mutex(ServerTime())
    let reapNotBefore = Mutex(ContinuousClock.now)
    let session = Mutex(OwnSession())
    private let stopping = Atomic(false)

    convenience init(
        store: Store, configuration: NodeConfiguration, handlers: Handlers, logger: Logger, observer: NodeObserver?
    ) {
        self.init(
            jobs: store, redis: store, eventLoop: store.client.eventLoop, configuration: configuration,
            handlers: handlers, logger: logger, observer: observer, time: nil, draw: { .random(in: 0..<1) })
    }

    /// - Parameters:
    ///   - redis: what loops work on; `nil` = there are none.
    ///   - time: `nil` = that of the system.
    init(
        jobs: any JobStore, redis: Store?, eventLoop: any EventLoop, configuration: NodeConfiguration,
        handlers: Handlers, logger: Logger, observer: NodeObserver?, time: ManualTime?,
        draw: @escaping @Sendable () -> Double
    ) {
        self.jobs = jobs
        self.redis = redis
        self.time = time
        self.draw = draw
        self.configuration = configuration
        self.handlers = handlers
        self.types = handlers.types
        self.logger = logger
        self.observe = observer
        self.decoder = PayloadDecoder(configuration.codec)
        self.values = ValueCodec(configuration.codec)
        self.metrics = NodeMetrics(MetricsSystem.factory, configuration, handlers)
        self.agenda = Agenda(configuration.queues, isStrict: configuration.isStrict)
        self.claimSignal = Signal(eventLoop)
        self.idleSignal = Signal(eventLoop)
        self.settleSignal = Signal(eventLoop)
        self.heartbeatSignal = Signal(eventLoop)
        self.deadlineSignal = Signal(eventLoop)
        self.reapSignal = Signal(eventLoop)
        self.promoteSignal = Signal(eventLoop)
        self.registerSignal = Signal(eventLoop)
        self.watchSignal = Signal(eventLoop)
        self.lookSignal = Signal(eventLoop)
        self.outbox = Outbox(arrived: settleSignal)
        self.desk = JobDesk(store: jobs, eventLoop: eventLoop)
        self.surroundings = JobContext.Surroundings(
            store: jobs, desk: desk, values: values, logger: logger, consumer: configuration.consumer)
    }

    var consumer: ConsumerID { configuration.consumer }
    var now: ContinuousClock.Instant { time?.now ?? .now }

    /// Redis, for the loops.
    var store: Store {
        guard let redis else { preconditionFailure("only loops ask Redis, and a node without Redis has none") }
        return redis
    }

    var inspector: Inspector { Inspector(store) }

    /// No new claims from here on.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Told from afar to claim nothing.
    var isQuiet: Bool { order.withLock { $0 == .quiet } }

    func stopClaiming() {
        stopping.store(true, ordering: .releasing)
        claimSignal.raise()
        idleSignal.raise()
        registerSignal.raise()
    }

    /// Has the deadline loop look at this moment.
    func look(at moment: ContinuousClock.Instant) {
        if nextLook.withLock({ next in next.map { moment < $0 } ?? true }) { deadlineSignal.raise() }
    }

    /// Says that a handler was cancelled because its lease is over.
    func lost(_ lease: HeldLease) {
        logger.warning(
            "lease lost, handler cancelled", metadata: ["job": "\(lease.job.id)", "queue": "\(lease.queue)"])
        metrics?.leaseLost(lease.queue)
        observe?(.leaseLost(lease.job, lease.queue))
    }

    /// Takes note of what a claim said of its queue, and wakes the loops that wait for what it said.
    ///
    /// - Parameter sentAt: the instant just before the claim was sent.
    func note(_ claim: Claim, of queue: QueueName, sentAt: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let isEmptyHanded = leases.isEmpty
        agenda.update(queue) { entry in
            // A mark that came after the claim was sent is of a job that it may not have seen.
            let isMarked = entry.markedAt.map { $0 > sentAt } ?? false
            (entry.isHot, entry.isRefused) = (claim.leavesMore || isMarked, false)
            // The jobs that it was for may be among those that were left.
            if !isMarked, claim.skipped == 0, entry.nextRank == 0 { entry.owesMark = false }
            entry.claimedAt = now
            // What is leased while this node holds nothing is others'.
            if claim.jobs.isEmpty, isEmptyHanded { entry.othersHold = claim.lapseIn != nil }
            if !claim.jobs.isEmpty { entry.workedAt = now }
        }
        serverTime.withLock { $0.note(serverUs: claim.serverUs, sentAt: sentAt, receivedAt: now) }
        note(queue, dueIn: claim.dueIn, asOf: claim.serverUs)
        if !claim.leavesMore {
            if agenda.note(queue, lapseIn: claim.lapseIn, now: now) { reapSignal.raise() }
        } else if agenda.isPartlyHot {
            lookSignal.raise()
        }
        if !claim.jobs.isEmpty || (isEmptyHanded && claim.lapseIn != nil) { watchSignal.raise() }
        see(serverUs: claim.serverUs, at: now)
    }

    /// Takes note of what looks at several queues brought.
    func note(
        _ looks: [Look], of queues: [QueueName], serverUs: Int64, sentAt: ContinuousClock.Instant
    ) {
        let now = ContinuousClock.now
        let isEmptyHanded = leases.isEmpty
        serverTime.withLock { $0.note(serverUs: serverUs, sentAt: sentAt, receivedAt: now) }
        see(serverUs: serverUs, at: now)
        for (queue, look) in zip(queues, looks) {
            if agenda.note(queue, lapseIn: look.lapseIn, now: now) { reapSignal.raise() }
            note(queue, dueIn: look.dueIn, asOf: serverUs)
            agenda.update(queue) { entry in
                entry.seenAt = now
                if look.isReady { entry.isHot = true }
                // What is leased while this node holds nothing is others'.
                if isEmptyHanded { entry.othersHold = look.lapseIn != nil }
            }
        }
        if isEmptyHanded, looks.contains(where: { $0.lapseIn != nil }) { watchSignal.raise() }
        if looks.contains(where: \.isReady) { claimSignal.raise() }
    }

    /// Sets the alarm for the next scheduled job of a queue.
    ///
    /// - Parameter serverUs: the server's clock when it said so; `nil` = just now.
    func note(_ queue: QueueName, dueIn: Duration?, asOf serverUs: Int64? = nil) {
        let dueAt = dueIn.map { dueIn in
            guard let serverUs, dueIn > .zero else { return ContinuousClock.now.advanced(by: dueIn) }
            return serverTime.withLock { $0.instant(ofServerUs: serverUs).advanced(by: dueIn) }
        }
        if agenda.note(queue, dueAt: dueAt, hasBacklog: dueIn == .zero) { promoteSignal.raise() }
    }

    /// Compares the server's clock with ours. After a jump forward all leases look overdue at once: reaping waits for one
    /// lease, so that the nodes that live can extend theirs.
    func see(serverUs: Int64, at now: ContinuousClock.Instant) {
        guard jumpGuard.withLock({ $0.jumped(serverMs: serverUs / 1000, at: now) }) else { return }
        reapNotBefore.withLock { $0 = now.advanced(by: configuration.lease) }
        logger.warning("clock_jump: the server's clock went forward, reaping waits for one lease")
    }

    /// Whether there are jobs whose holders, or this one's other nodes, may die, and whether this node can tell.
    var hasToWatch: Bool {
        session.withLock { $0.canWatch } && (!leases.isEmpty || agenda.othersHold)
    }

    /// Takes note that the rights to look at connections are missing, and says so once.
    func cannotWatch(_ error: any Error) {
        let isNew = session.withLock { session in
            defer { session.isRefused = true }
            return !session.isRefused
        }
        if isNew {
            logger.notice(
                "connections cannot be looked at: jobs of killed nodes wait until their leases run out",
                metadata: ["error": "\(error)"])
        }
    }

    /// Leaves the due times that this node was told of to others: it will not see to them any more.
    func giveUpAlarms() async {
        for entry in agenda.all where entry.dueAt != nil {
            do {
                try await store.giveUpAlarm(on: entry.name)
            } catch {
                logger.debug("alarm not given up", metadata: ["queue": "\(entry.name)", "error": "\(error)"])
            }
        }
    }

    /// Hands a mark on to another node.
    func mark(_ queue: QueueName, hops: Int = 0) async {
        do {
            try await store.mark(queue, hops: hops)
        } catch {
            // The poll of the other nodes is the net below a lost mark.
            logger.debug("mark lost", metadata: ["queue": "\(queue)", "error": "\(error)"])
        }
    }

    /// Leaves a mark, unless one waits already.
    func markIfNone(_ queue: QueueName) async {
        do {
            if try await store.marks(queue) == 0 { try await store.mark(queue) }
        } catch {
            logger.debug("mark not left", metadata: ["queue": "\(queue)", "error": "\(error)"])
        }
    }

    /// A pause after a failed call, so that an outage is not met with a storm: `base` with ± 50 % jitter.
    func pause(_ base: Duration, on signal: Signal) async {
        await signal.wait(upTo: base * Double.random(in: 0.5..<1.5))
    }
}

/// How long runs take, smoothed, so that tiny jobs are claimed ahead and long ones are not.
final class Pace: Sendable {
    /// Nanoseconds; 0 = nothing is known yet.
    private let average = Atomic<Int64>(0)

    /// A moving average over about the last 16 runs. Racing updates may lose one, which an average bears.
    func note(_ duration: Duration) {
        let sample = max(1, duration.wholeNanoseconds)
        let last = average.load(ordering: .relaxed)
        average.store(last == 0 ? sample : last + (sample - last) / 16, ordering: .relaxed)
    }

    /// Runs turned out to take at least this long: jobs waited for a slot meanwhile.
    func overrun(_ duration: Duration) {
        average.store(max(average.load(ordering: .relaxed), duration.wholeNanoseconds), ordering: .relaxed)
    }

    /// How many jobs `concurrency` slots run in `time`, at most one claim; 0 when a run takes longer than that.
    func jobs(in time: Duration, concurrency: Int, atMost limit: Int) -> Int {
        let average = average.load(ordering: .relaxed)
        guard average > 0 else { return 0 }
        return Int(min(Int64(limit), time.wholeNanoseconds / average * Int64(concurrency)))
    }
}

/// What the server knows the shared connection as.
struct OwnSession {
    private var epoch = 0
    private var session: RedisSession?
    /// Rights are missing: neither to be judged nor to judge.
    var isRefused = false

    var canWatch: Bool { session != nil && !isRefused }

    func isKnown(on epoch: Int) -> Bool { self.epoch == epoch }

    /// `nil` = not known yet, or not to be judged by it.
    func known(on epoch: Int) -> RedisSession? { self.epoch == epoch ? session : nil }

    mutating func note(_ session: RedisSession?, on epoch: Int) {
        (self.session, self.epoch) = (session, epoch)
    }
}
