internal import DequeModule
internal import NIOCore

/// Performs what `ConnectionStateMachine` decides, on one channel. Talks to its link only; the link adopts the one
/// handler of several attempts (a host may have many addresses) that won.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var machine: ConnectionStateMachine<Request>
    private let reader: ReplyReader
    private var context: ChannelHandlerContext?
    private var link: Link?
    private var error: RedisError?
    /// The reply that made the connection drain.
    private var dropReason: String?

    init(_ configuration: RedisConfiguration) {
        machine = ConnectionStateMachine(steps: HandshakeStep.steps(for: configuration))
        reader = ReplyReader(maxElements: configuration.maxReplyElements, maxBytes: configuration.maxReplyBytes)
    }

    var isReady: Bool { machine.isReady }
    var pendingCount: Int { machine.pending.count }

    func isPending(_ id: UInt64) -> Bool {
        machine.pending.contains { $0.id == id }
    }

    /// The link takes this connection.
    func start(_ link: Link) {
        guard let context, error == nil else {
            // Lost between connecting and now.
            link.connectionEnded(
                self, error: error ?? lost("it closed at once"), expected: false, ended: machine.closed())
            return
        }
        self.link = link
        var buffer = context.channel.allocator.buffer(capacity: 256)
        for step in machine.opened() { buffer.writeImmutableBuffer(step.command.encoded) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    // Below this a copy costs less than an entry of its own in the channel's list of writes.
    private static let copiedBytes = 16 << 10

    /// Writes requests, gathered into as few buffers as makes sense, and flushes once.
    func write(_ requests: some Collection<Request>) {
        guard let context else { preconditionFailure("a ready connection is in a channel") }
        var capacity = 0
        for request in requests {
            let bytes = request.command.body.readableBytes
            capacity += RedisCommand.headerCapacity + (bytes > Self.copiedBytes ? 0 : bytes)
        }
        var buffer = context.channel.allocator.buffer(capacity: capacity)
        for request in requests {
            request.command.writeHeader(into: &buffer)
            let body = request.command.body
            if body.readableBytes > Self.copiedBytes {
                context.write(wrapOutboundOut(buffer), promise: nil)
                context.write(wrapOutboundOut(body), promise: nil)
                buffer = context.channel.allocator.buffer(capacity: capacity)
            } else {
                buffer.writeImmutableBuffer(body)
            }
            machine.write(request)
        }
        if buffer.readableBytes > 0 { context.write(wrapOutboundOut(buffer), promise: nil) }
        context.flush()
    }

    /// Takes no more requests; closes after the last reply.
    func drain() {
        if machine.drain() {
            fail(RedisError(.closed, operation: "close", message: "the client was closed"), expected: true)
        }
    }

    /// Closes when a request is past its deadline; else returns the next deadline.
    func clock(_ now: NIODeadline) -> NIODeadline? {
        switch machine.clock(now) {
        case .nothing(let next): return next
        case .timedOut:
            fail(RedisError(.timeout, operation: "read a reply", message: "no reply in time"))
            return nil
        }
    }

    /// Gives up: the link hears of it now, the channel closes behind it.
    func fail(_ error: RedisError, expected: Bool = false) {
        let ended = machine.closed()
        self.error = error
        context?.close(promise: nil)
        guard let ended, let link else { return }
        self.link = nil
        link.connectionEnded(self, error: error, expected: expected, ended: ended)
    }

    private func lost(_ why: String) -> RedisError {
        RedisError(.connectionLost, operation: "connection", message: why)
    }

    // MARK: ChannelInboundHandler

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(error ?? lost("its channel was taken apart"))
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard error == nil else { return }
        do throws(RedisError) {
            try reader.read(unwrapInboundIn(data)) { received($0) }
        } catch {
            fail(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        link?.connectionRead()
        context.fireChannelReadComplete()
    }

    private func received(_ reply: RedisReply) {
        guard reply.kind == .error else {
            perform(machine.received(error: nil), .success(reply))
            return
        }
        let text = reply.string ?? ""
        let code = RedisError.Code(reply: text)
        if code.dropsConnection { dropReason = text }
        perform(machine.received(error: (code, text)), .failure((code, text)))
    }

    private enum Outcome {
        case success(RedisReply)
        case failure((RedisError.Code, String))

        func complete(_ request: Request) {
            switch self {
            case .success(let reply): request.complete(.success(reply))
            case .failure((let code, let text)): request.fail(code, text, mayHaveRun: false)
            }
        }
    }

    private func perform(_ action: ConnectionStateMachine<Request>.ReplyAction, _ outcome: Outcome) {
        switch action {
        case .nothing:
            break
        case .becomeReady:
            link?.connectionReady(self)
        case .complete(let request):
            outcome.complete(request)
        case .completeAndClose(let request):
            outcome.complete(request)
            fail(lost(dropReason ?? "closed after its last reply"))
        case .fail(let error):
            fail(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(error ?? lost("the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(Connector.redisError(error, operation: "connection", code: .connectionLost))
    }
}
