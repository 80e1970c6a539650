package import Logging
package import NIOCore
internal import Synchronization

/// A Redis client: one connection that all callers share, and two others, opened when they are first needed: for
/// commands that block, and for calls that wait for replicas.
///
/// Every call waits for a connection until its timeout, and is never sent twice: an error with `mayHaveRun` says that
/// only the caller can decide whether to repeat it. Lost connections are made again until `close()`, which has to be
/// called.
package final class RedisClient: Sendable {
    package let eventLoop: any EventLoop
    package let configuration: RedisConfiguration

    private let shared: Link
    private let blocking: Link
    let following: Link
    private let lastID = Atomic<UInt64>(0)
    private let fallbacks = Atomic<Int>(0)
    private let commandTimeout: TimeAmount

    package init(_ configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        shared = Link(.multiplexed, configuration, eventLoop: eventLoop, logger: logger)
        blocking = Link(.blocking, configuration, eventLoop: eventLoop, logger: logger)
        following = Link(.multiplexed, configuration, eventLoop: eventLoop, logger: logger)
        commandTimeout = TimeAmount(waiting: configuration.commandTimeout)
        if configuration.url.usesTLS && configuration.tls.insecureSkipVerify {
            logger.warning(
                "redis certificate is not verified: anyone on the network path can read and change everything",
                metadata: ["redis": "\(configuration.url)"])
        }
    }

    /// Connects, so that a wrong address or password shows before the first command. Tries for `connectTimeout` at
    /// most, and not again when waiting cannot help. Not needed: the first command connects too.
    package func connect() async throws(RedisError) {
        do {
            try await shared.connect().get()
        } catch let error as RedisError {
            throw error
        } catch {
            throw Connector.redisError(error, operation: "connect to \(configuration.url)", code: .connectFailed)
        }
    }

    /// Sends a command and waits for its reply; an error reply is thrown. Cancelling the task does not end the wait:
    /// the command has gone out already.
    package func send(_ command: RedisCommand, timeout: Duration? = nil) async throws(RedisError) -> RedisReply {
        let timeout = timeout.map { TimeAmount(waiting: $0) } ?? commandTimeout
        let result = await withUnsafeContinuation { continuation in
            shared.submit(Request(command: command, waiter: .task(continuation), timeout: timeout, id: 0))
        }
        return try result.get()
    }

    /// `send` for code that lives on event loops. The future's error is a `RedisError`.
    package func submit(_ command: RedisCommand, timeout: Duration? = nil) -> EventLoopFuture<RedisReply> {
        let promise = eventLoop.makePromise(of: RedisReply.self)
        let timeout = timeout.map { TimeAmount(waiting: $0) } ?? commandTimeout
        shared.submit(Request(command: command, waiter: .promise(promise), timeout: timeout, id: 0))
        return promise.futureResult
    }

    /// Calls a script by its hash, and once more with its source when the server does not know the hash: after a
    /// restart, a failover or SCRIPT FLUSH. That is safe, because NOSCRIPT means that nothing ran. `reserving` is what
    /// the arguments are expected to need, in bytes.
    package func call(
        _ script: RedisScript,
        keys: [String],
        timeout: Duration? = nil,
        reserving: Int = 0,
        _ arguments: (inout RedisCommand) -> Void
    ) async throws(RedisError) -> RedisReply {
        let (byHash, withSource) = commands(script, keys, reserving, arguments)
        do {
            return try await send(byHash, timeout: timeout)
        } catch {
            guard error.code == .noScript else { throw error }
            countFallback()
            return try await send(withSource(), timeout: timeout)
        }
    }

    /// A call of a script by its hash, and how the same is made with its source.
    func commands(
        _ script: RedisScript, _ keys: [String], _ reserving: Int, _ arguments: (inout RedisCommand) -> Void
    ) -> (byHash: RedisCommand, withSource: () -> RedisCommand) {
        var command = RedisCommand("EVALSHA", reserving: 128 + reserving)
        command.label = script.name
        command.append(script.sha1)
        let start = command.body.readableBytes
        command.append(keys.count)
        command.append(contentsOf: keys)
        arguments(&command)
        return (
            command,
            { [command] in
                var full = RedisCommand("EVAL", reserving: script.source.utf8.count + command.body.readableBytes)
                full.label = script.name
                full.append(script.source)
                full.splice(command, from: start, count: command.argumentCount - 1)
                return full
            }
        )
    }

    func countFallback() { fallbacks.add(1, ordering: .relaxed) }

    /// How often a script's source had to be sent.
    package var scriptFallbacks: Int { fallbacks.load(ordering: .relaxed) }

    /// Rises by one whenever the shared connection becomes ready: the first time, and after each loss. What the server
    /// kept for the old connection is gone when it has changed.
    package var connectionEpoch: Int { shared.epoch.load(ordering: .relaxed) }

    var readyConnection: (epoch: Int, address: SocketAddress?) { shared.local.withLock { $0 } }

    /// Calls `body` on the event loop whenever the shared connection becomes ready, until ``stopListening(_:)`` is told
    /// what this returns.
    package func onReady(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        let id = lastID.add(1, ordering: .relaxed).newValue
        shared.readyListeners.withLock { $0[id] = body }
        return id
    }

    package func stopListening(_ id: UInt64) {
        shared.readyListeners.withLock { $0[id] = nil }
    }

    /// Sends a command that waits in the server, such as BLPOP, on the connection for such commands, one at a time.
    /// `upTo` is how long the server waits; the client gives up `blockingMargin` later. Cancelling the task ends the
    /// wait by closing that connection and throws `.cancelled`: whatever the server had just handed over is lost.
    package func block(_ command: RedisCommand, upTo: Duration) async throws(RedisError) -> RedisReply {
        let id = lastID.add(1, ordering: .relaxed).newValue
        let timeout = TimeAmount(waiting: upTo + configuration.blockingMargin)
        // The cancel handler may run before the request exists. Both sides go through this lock, so either the request
        // is never made or the link has it before it hears of the cancellation.
        let isCancelled = Mutex(false)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let request = Request(command: command, waiter: .task(continuation), timeout: timeout, id: id)
                let submitted = isCancelled.withLock { isCancelled in
                    if !isCancelled { blocking.submit(request) }
                    return !isCancelled
                }
                if !submitted { request.fail(.cancelled, "the task was cancelled", mayHaveRun: false) }
            }
        } onCancel: {
            isCancelled.withLock { $0 = true }
            blocking.cancel(id)
        }
        return try result.get()
    }

    /// Takes no more commands, lets those that were sent get their replies for at most `closeTimeout`, and closes the
    /// sockets. Blocking commands end at once, with `.closed`.
    package func close() async {
        let all = blocking.close().and(shared.close()).and(following.close())
        _ = try? await all.get()
    }
}

extension TimeAmount {
    /// A wait: not negative, and short enough that a deadline made of it does not overflow.
    init(waiting duration: Duration) {
        self = min(max(TimeAmount(duration), .zero), .hours(24 * 365))
    }
}
