internal import DequeModule
internal import NIOCore

/// A request as far as the state machine is concerned.
protocol Expiring {
    var deadline: NIODeadline { get }
}

/// One connection as a value: events go in, actions come out, and somebody else performs them. It knows no channel and
/// no clock.
///
///     connecting -> handshaking -> ready -> draining -> closed
///
/// Requests and replies pair up by order alone, so whatever is written is remembered here, first in, first out.
struct ConnectionStateMachine<Request: Expiring> {
    enum State: Hashable {
        case connecting
        /// `next` is the step whose reply comes next.
        case handshaking(next: Int)
        case ready
        /// Takes no more requests and closes after the last reply.
        case draining
        case closed
    }

    private(set) var state = State.connecting
    private(set) var pending = Deque<Request>()
    private let steps: [HandshakeStep]

    init(steps: [HandshakeStep]) {
        precondition(!steps.isEmpty, "a handshake without a step cannot show that the server answers")
        self.steps = steps
    }

    /// The connection is open. The caller sends all steps at once.
    mutating func opened() -> [HandshakeStep] {
        guard state == .connecting else { preconditionFailure("a connection opens once, and this one is \(state)") }
        state = .handshaking(next: 0)
        return steps
    }

    enum ReplyAction {
        case nothing
        case becomeReady
        case complete(Request)
        /// The last reply of a connection that drains.
        case completeAndClose(Request)
        case fail(RedisError)
    }

    /// A reply came; `error` when it is an error reply.
    mutating func received(error: (RedisError.Code, message: String)?) -> ReplyAction {
        switch state {
        case .connecting, .closed:
            // A server that is full says so before it is asked.
            guard state == .connecting, let error else { return .nothing }
            return .fail(RedisError(error.0, operation: "connect", message: error.message))
        case .handshaking(let next):
            if let error, !steps[next].tolerates(error.0) {
                return .fail(steps[next].failure(error.0, error.message))
            }
            guard next + 1 == steps.count else {
                state = .handshaking(next: next + 1)
                return .nothing
            }
            state = .ready
            return .becomeReady
        case .ready:
            guard let request = pending.popFirst() else { return unasked() }
            if let error, error.0.dropsConnection {
                if pending.isEmpty { return .completeAndClose(request) }
                state = .draining
            }
            return .complete(request)
        case .draining:
            guard let request = pending.popFirst() else { return unasked() }
            return pending.isEmpty ? .completeAndClose(request) : .complete(request)
        }
    }

    private func unasked() -> ReplyAction {
        .fail(RedisError(.protocolError, operation: "read a reply", message: "a reply came that nobody had asked for"))
    }

    /// The caller is about to write this request.
    mutating func write(_ request: Request) {
        guard state == .ready else {
            preconditionFailure("a request is written to a ready connection, and this one is \(state)")
        }
        pending.append(request)
    }

    var isReady: Bool { state == .ready }

    /// No more requests. True when nothing is awaited, so the caller closes now.
    mutating func drain() -> Bool {
        switch state {
        case .connecting, .handshaking: return true
        case .ready, .draining:
            state = .draining
            return pending.isEmpty
        case .closed: return false
        }
    }

    enum ClockAction {
        case nothing(next: NIODeadline?)
        /// These got no reply in time, so no later reply can be trusted to belong to its request: the connection has to
        /// go.
        case timedOut
    }

    /// Looks for requests past their deadline.
    func clock(_ now: NIODeadline) -> ClockAction {
        let earliest = pending.lazy.map(\.deadline).min()
        return if let earliest, earliest <= now { .timedOut } else { .nothing(next: earliest) }
    }

    struct Ended {
        /// Written, and never answered.
        var requests: Deque<Request>
        /// Whether the handshake had succeeded.
        var wasReady: Bool
    }

    /// The connection is gone or given up. nil when it was already.
    mutating func closed() -> Ended? {
        defer { state = .closed }
        switch state {
        case .connecting, .handshaking:
            return Ended(requests: [], wasReady: false)
        case .ready, .draining:
            let requests = pending
            pending = []
            return Ended(requests: requests, wasReady: true)
        case .closed:
            return nil
        }
    }
}
