internal import DequeModule
internal import Logging
internal import NIOCore
internal import Synchronization

/// The life of the connection. Everything here runs on the event loop.
extension Link {
    func connect(_ promise: EventLoopPromise<Void>) {
        if connection?.isReady == true {
            promise.succeed()
        } else if machine.state == .closed {
            promise.fail(
                RedisError(.closed, operation: "connect to \(configuration.url)", message: "the client is closed"))
        } else {
            let deadline = NIODeadline.now() + TimeAmount(configuration.connectTimeout)
            connectWaiters.append(ConnectWaiter(promise: promise, deadline: deadline))
            arm(deadline)
            if machine.demand() { open() }
        }
    }

    func open() {
        attempt += 1
        let number = attempt
        do throws(RedisError) {
            let connector = if let connector { connector } else { try Connector(configuration) }
            self.connector = connector
            attemptTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.connectTimeout)) {
                self.attemptTimedOut(number)
            }
            connector.connect(on: eventLoop).hop(to: eventLoop).whenComplete { self.connected($0, attempt: number) }
        } catch {
            attemptFailed(error)
        }
    }

    private func connected(_ result: Result<any Channel, any Error>, attempt number: Int) {
        switch result {
        case .success(let channel):
            guard number == attempt, machine.state == .connecting else {
                channel.close(promise: nil)
                return
            }
            do {
                let handler = try channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)
                connection = handler
                self.channel = channel
                handler.start(self)
            } catch {
                // The channel closed between connecting and now, and took its handlers along.
                attemptFailed(Connector.redisError(error, operation: "connect", code: .connectFailed))
            }
        case .failure(let error):
            guard number == attempt, machine.state == .connecting else { return }
            attemptFailed(Connector.redisError(error, operation: "connect", code: .connectFailed))
        }
    }

    private func attemptTimedOut(_ number: Int) {
        guard number == attempt, machine.state == .connecting else { return }
        attempt += 1
        let error = RedisError(
            .connectFailed, operation: "connect", message: "no answer within \(configuration.connectTimeout)")
        if let connection { connection.fail(error) } else { attemptFailed(error) }
    }

    func connectionReady(_ handler: ConnectionHandler) {
        guard handler === connection else { return }
        attemptTimer?.cancel()
        lastError = nil
        let number = epoch.add(1, ordering: .relaxed).newValue
        local.withLock { $0 = (number, channel?.localAddress) }
        if let outage = machine.ready(.now()), kind == .multiplexed {
            // As loud as the loss: who was told of that waits for this.
            logger.warning(
                "redis connection restored",
                metadata: [
                    "redis": "\(configuration.url)", "outage": "\(outage.duration)", "attempts": "\(outage.attempts)",
                ])
        }
        let waiters = connectWaiters
        connectWaiters = []
        for waiter in waiters { waiter.promise.succeed() }
        pump()
        for listener in readyListeners.withLock({ $0.values.map { $0 } }) { listener() }
    }

    /// The handler has read what there was, so a blocking command may be done.
    func connectionRead() {
        if kind == .blocking { pump() }
    }

    /// Called once by each handler that was started.
    func connectionEnded(
        _ handler: ConnectionHandler,
        error: RedisError,
        expected: Bool,
        ended: ConnectionStateMachine<Request>.Ended?
    ) {
        guard handler === connection else { return }
        connection = nil
        attemptTimer?.cancel()
        if let ended, ended.wasReady {
            fail(ended.requests, error)
            down(error, expected: expected)
        } else {
            attemptFailed(error)
        }
    }

    /// Requests that were written and not answered: nobody knows whether they ran.
    private func fail(_ requests: Deque<Request>, _ error: RedisError) {
        let now = NIODeadline.now()
        for request in requests {
            switch error.code {
            case .timeout where request.deadline <= now:
                request.fail(.timeout, "no reply within \(Duration(request.timeout))", mayHaveRun: true)
            case .cancelled where request.id == cancelled:
                request.fail(like: error, mayHaveRun: true)
            case .closed, .protocolError:
                request.fail(like: error, mayHaveRun: true)
            default:
                request.fail(.connectionLost, "the connection was lost: \(error.message)", mayHaveRun: true)
            }
        }
        cancelled = nil
    }

    private func attemptFailed(_ error: RedisError) {
        attemptTimer?.cancel()
        let code = error.code == .connectionLost ? .connectFailed : error.code
        lastError = RedisError(
            code, operation: "\(error.operation) (\(configuration.url))", message: error.message,
            underlying: error.underlying)
        // A wrong password or certificate does not get better by waiting, so nobody waits for it.
        if error.disposition == .final { failWaiting(error) }
        down(error, expected: false)
    }

    private func failWaiting(_ error: RedisError) {
        let requests = waiting
        let waiters = connectWaiters
        waiting = []
        connectWaiters = []
        for request in requests { request.fail(like: error, mayHaveRun: false) }
        for waiter in waiters {
            waiter.promise.fail(error.during("connect to \(configuration.url)", mayHaveRun: false))
        }
    }

    private func down(_ error: RedisError, expected: Bool) {
        if machine.state == .closed { return }
        let isService = kind == .multiplexed && machine.hasBeenUp
        let wanted = isService || !waiting.isEmpty || !connectWaiters.isEmpty
        let (next, began) = machine.down(.now(), wanted: wanted, expected: expected, random: .random(in: 0..<1))
        if began && kind == .multiplexed && (isService || connectWaiters.isEmpty) {
            logger.warning(
                "redis connection lost",
                metadata: ["redis": "\(configuration.url)", "error": "\(error.message) [\(error.code)]"])
        }
        if case .retry(let delay) = next {
            eventLoop.scheduleTask(in: TimeAmount(delay)) { if self.machine.retryDue() { self.open() } }
        }
    }

    func close(_ promise: EventLoopPromise<Void>) {
        if let closing {
            closing.futureResult.cascade(to: promise)
            return
        }
        closing = promise
        takeInbox()
        let error = RedisError(.closed, operation: "close", message: "the client was closed")
        failWaiting(error)
        _ = machine.close()
        attempt += 1
        attemptTimer?.cancel()
        guard let connection, let channel else {
            disarm()
            promise.succeed()
            return
        }
        switch kind {
        case .multiplexed:
            connection.drain()
            let limit = eventLoop.scheduleTask(in: TimeAmount(configuration.closeTimeout)) {
                self.connection?.fail(error, expected: true)
            }
            channel.closeFuture.whenComplete { _ in limit.cancel() }
        case .blocking:
            connection.fail(error, expected: true)
        }
        channel.closeFuture.hop(to: eventLoop).whenComplete { _ in
            self.disarm()
            promise.succeed()
        }
    }
}
