import Logging
import StintCore
import StintRedis
import StintStore
import Synchronization

/// What the loops of one node share.
final class NodeState: Sendable {
    let store: Store
    let inspector: Inspector
    let configuration: NodeConfiguration
    let handlers: Handlers
    let logger: Logger
    let observe: NodeObserver?
    let agenda: Agenda
    let leases = LeaseTable()
    let pace = Pace()

    /// A slot is free, a mark came, a job is due: the claim loop has something to look at.
    let claimSignal: Signal
    /// The claim loop has nothing to do: worth listening for marks.
    let idleSignal: Signal
    let settleSignal: Signal
    let heartbeatSignal: Signal
    let deadlineSignal: Signal
    let reapSignal: Signal
    let promoteSignal: Signal
    let outbox: Outbox

    private let stopping = Atomic(false)

    init(
        store: Store, configuration: NodeConfiguration, handlers: Handlers, logger: Logger, observer: NodeObserver?
    ) {
        let eventLoop = store.client.eventLoop
        self.store = store
        self.inspector = Inspector(store)
        self.configuration = configuration
        self.handlers = handlers
        self.logger = logger
        self.observe = observer
        self.agenda = Agenda(configuration.queues)
        self.claimSignal = Signal(eventLoop)
        self.idleSignal = Signal(eventLoop)
        self.settleSignal = Signal(eventLoop)
        self.heartbeatSignal = Signal(eventLoop)
        self.deadlineSignal = Signal(eventLoop)
        self.reapSignal = Signal(eventLoop)
        self.promoteSignal = Signal(eventLoop)
        self.outbox = Outbox(arrived: settleSignal)
    }

    var consumer: ConsumerID { configuration.consumer }

    /// No new claims from here on.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    func stopClaiming() {
        stopping.store(true, ordering: .releasing)
        claimSignal.raise()
        idleSignal.raise()
    }

    /// Says that a handler was cancelled because its lease is over.
    func lost(_ lease: HeldLease) {
        logger.warning(
            "lease lost, handler cancelled", metadata: ["job": "\(lease.job.id)", "queue": "\(lease.queue)"])
        observe?(.leaseLost(lease.job, lease.queue))
    }

    /// Takes note of what the store said of a queue's times, and wakes the loops that wait for them.
    func note(_ queue: QueueName, dueIn: Duration?, lapseIn: Duration?) {
        agenda.note(queue, dueIn: dueIn, lapseIn: lapseIn, now: .now)
        if dueIn != nil { promoteSignal.raise() }
        if lapseIn != nil { reapSignal.raise() }
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

    /// How many jobs `concurrency` slots run in `time`, at most one claim; 0 when a run takes longer than that.
    func jobs(in time: Duration, concurrency: Int) -> Int {
        let average = average.load(ordering: .relaxed)
        guard average > 0 else { return 0 }
        return Int(min(Int64(Defaults.maxJobsPerCall), time.wholeNanoseconds / average * Int64(concurrency)))
    }
}
