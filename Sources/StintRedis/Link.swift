internal import DequeModule
internal import Logging
internal import NIOCore
internal import Synchronization

/// One connection to Redis that is made again whenever it is gone, and the requests that wait for it.
///
/// Unchecked, because the compiler cannot see what holds: the mutexes and `epoch` synchronise themselves, and every other
/// variable is touched on `eventLoop` only, by the methods that are called there.
final class Link: @unchecked Sendable {
    enum Kind {
        /// Pipelines everything, and reconnects for ever once it has been up.
        case multiplexed
        /// One request at a time, and connected only while somebody waits.
        case blocking
    }

    private struct Inbox {
        var requests: [Request] = []
        var isScheduled = false
        var isClosed = false
    }

    let configuration: RedisConfiguration
    let eventLoop: any EventLoop
    let logger: Logger
    let kind: Kind
    /// How many times a connection became ready.
    let epoch = Atomic<Int>(0)
    /// The local end of the connection that became ready last, with its epoch.
    let local = Mutex<(epoch: Int, address: SocketAddress?)>((0, nil))
    let readyListeners = Mutex<[UInt64: @Sendable () -> Void]>([:])
    private let inbox = Mutex(Inbox())

    // The rest belongs to the event loop.
    var machine: LinkStateMachine
    var waiting = Deque<Request>()
    var connectWaiters: [ConnectWaiter] = []
    var connection: ConnectionHandler?
    var channel: (any Channel)?
    var connector: Connector?
    /// Why the last attempt failed; nil while connected.
    var lastError: RedisError?
    /// Counts attempts, so that a late answer to an abandoned one is recognised.
    var attempt = 0
    var attemptTimer: Scheduled<Void>?
    var cancelled: UInt64?
    var closing: EventLoopPromise<Void>?
    private var spare: [Request] = []
    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?

    struct ConnectWaiter {
        let promise: EventLoopPromise<Void>
        let deadline: NIODeadline
    }

    init(_ kind: Kind, _ configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.kind = kind
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        machine = LinkStateMachine(policy: configuration.reconnect)
    }

    // MARK: from any thread

    /// Queues a request. Everything that is queued before the event loop comes round goes out in one write.
    func submit(_ request: Request) { submit(CollectionOfOne(request)) }

    /// Queues requests that go out together, on one connection.
    func submit(_ requests: some Collection<Request>) {
        let (wake, closed) = inbox.withLock { inbox in
            if inbox.isClosed { return (false, true) }
            inbox.requests.append(contentsOf: requests)
            defer { inbox.isScheduled = true }
            return (!inbox.isScheduled, false)
        }
        if closed {
            for request in requests { request.fail(.closed, "the client is closed", mayHaveRun: false) }
        } else if wake {
            eventLoop.execute { self.takeInbox() }
        }
    }

    func connect() -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { self.connect(promise) }
        return promise.futureResult
    }

    /// Gives up on a request, wherever it is.
    func cancel(_ id: UInt64) {
        eventLoop.execute {
            self.takeInbox()
            if let index = self.waiting.firstIndex(where: { $0.id == id }) {
                self.waiting.remove(at: index).fail(.cancelled, "the task was cancelled", mayHaveRun: false)
            } else if let connection = self.connection, connection.isPending(id) {
                // Only the end of its connection ends a command that blocks in the server.
                self.cancelled = id
                connection.fail(
                    RedisError(.cancelled, operation: "wait", message: "the task was cancelled"), expected: true)
            }
        }
    }

    func close() -> EventLoopFuture<Void> {
        inbox.withLock { $0.isClosed = true }
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { self.close(promise) }
        return promise.futureResult
    }

    // MARK: on the event loop

    func takeInbox() {
        var batch = spare
        spare = []
        inbox.withLock { inbox in
            swap(&batch, &inbox.requests)
            inbox.isScheduled = false
        }
        guard !batch.isEmpty else {
            spare = batch
            return
        }
        let now = NIODeadline.now()
        var earliest = NIODeadline.distantFuture
        for index in batch.indices {
            batch[index].deadline = now + batch[index].timeout
            earliest = min(earliest, batch[index].deadline)
        }
        if kind == .multiplexed, waiting.isEmpty, let connection, connection.isReady {
            connection.write(batch)
        } else {
            waiting.append(contentsOf: batch)
            pump()
        }
        arm(earliest)
        // One burst must not keep its memory for ever.
        if batch.capacity <= 4096 {
            batch.removeAll(keepingCapacity: true)
            spare = batch
        }
    }

    /// Moves requests from the queue to the connection, or gets a connection for them.
    func pump() {
        guard !waiting.isEmpty else { return }
        guard let connection, connection.isReady else {
            if machine.demand() { open() }
            return
        }
        switch kind {
        case .multiplexed:
            let requests = waiting
            waiting = []
            connection.write(requests)
        case .blocking:
            guard connection.pendingCount == 0, var request = waiting.popFirst() else { return }
            // Its time in the queue was another command's.
            request.deadline = .now() + request.timeout
            connection.write(CollectionOfOne(request))
            arm(request.deadline)
        }
    }

    /// Sees to it that `clock` runs at `deadline` or before. One timer serves all requests: a timer for each would cost
    /// more than the request.
    func arm(_ deadline: NIODeadline) {
        if let timerDeadline, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = eventLoop.scheduleTask(deadline: deadline) { self.clock() }
    }

    func disarm() {
        timer?.cancel()
        timer = nil
        timerDeadline = nil
    }

    private func clock() {
        timerDeadline = nil
        let now = NIODeadline.now()
        expireWaiting(now)
        var next = connection?.clock(now)
        for deadline in waiting.lazy.map(\.deadline) { next = min(next ?? deadline, deadline) }
        for waiter in connectWaiters { next = min(next ?? waiter.deadline, waiter.deadline) }
        if let next { arm(next) }
    }

    private func expireWaiting(_ now: NIODeadline) {
        let expired = waiting.filter { $0.deadline <= now }
        if !expired.isEmpty {
            waiting.removeAll { $0.deadline <= now }
            for request in expired { request.complete(.failure(notSent(request.command.operation))) }
        }
        let tired = connectWaiters.filter { $0.deadline <= now }
        if !tired.isEmpty {
            connectWaiters.removeAll { $0.deadline <= now }
            let silence = RedisError(
                .connectFailed, operation: "connect", message: "no answer within \(configuration.connectTimeout)")
            for waiter in tired {
                waiter.promise.fail((lastError ?? silence).during("connect to \(configuration.url)", mayHaveRun: false))
            }
        }
    }

    private func notSent(_ operation: String) -> RedisError {
        guard let lastError else {
            return RedisError(
                .timeout, operation: operation, message: "not sent in time: there was no ready connection")
        }
        let code = lastError.code == .timeout ? .connectFailed : lastError.code
        return RedisError(code, operation: operation, message: lastError.message, underlying: lastError)
    }
}
