import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy that misbehaves on demand: in front of a server, in this process, on a free loopback port.
///
/// What it does may be changed at any time, and holds for connections that are there as for those to come.
///
/// ```swift
/// let proxy = try await FaultProxy(to: .unix(server.socketPath))
/// let client = try await StintClient(.redis(proxy.url))
/// proxy.set { $0.replies.isLost = true }      // requests arrive, and nobody hears of it
/// proxy.cut()
/// ```
package final class FaultProxy: Sendable {
    package enum Target: Sendable {
        case unix(String)
        case tcp(host: String, port: Int)
    }

    /// How the bytes of one direction fare.
    package struct Way: Sendable {
        package var latency = Duration.zero
        /// Added to the latency: a uniform draw between zero and this. Order is kept.
        package var jitter = Duration.zero
        package var bytesPerSecond: Int?
        /// Bytes are read and thrown away, as behind a half-open connection.
        package var isLost = false
        /// Nothing is read: the sender's buffers fill up. What waits arrives when this ends.
        package var isHeld = false
        /// The connection is reset when so many bytes have gone this way through it.
        package var cutAfterBytes: Int?

        package init() {}
    }

    package struct Behaviour: Sendable {
        /// From the client to the server.
        package var requests = Way()
        /// From the server to the client.
        package var replies = Way()
        /// New connections are closed at once.
        package var refuses = false

        package init() {}

        package subscript(_ direction: Direction) -> Way { direction == .request ? requests : replies }
    }

    package enum Direction: Sendable {
        case request, reply
    }

    private struct State {
        var behaviour = Behaviour()
        var target: Target
        var relays: [ObjectIdentifier: Relay] = [:]
        var lostBytes = 0
    }

    private let state: Mutex<State>
    private let listener: any Channel

    package init(to target: Target) async throws {
        state = Mutex(State(target: target))
        let box = Accepting()
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { inbound in box.accept(inbound) }
            .bind(host: "127.0.0.1", port: 0).get()
        box.proxy = self
    }

    package var port: Int { listener.localAddress?.port ?? 0 }
    package var url: String { "redis://127.0.0.1:\(port)" }
    package var behaviour: Behaviour { state.withLock { $0.behaviour } }
    /// How many bytes were thrown away so far.
    package var lostBytes: Int { state.withLock { $0.lostBytes } }
    package var connections: Int { state.withLock { $0.relays.count / 2 } }

    package func set(_ change: (inout Behaviour) -> Void) {
        let relays = state.withLock { state in
            change(&state.behaviour)
            return Array(state.relays.values)
        }
        for relay in relays { relay.behaviourChanged() }
    }

    /// As a good network again: everything that was set is forgotten.
    package func heal() { set { $0 = Behaviour() } }

    /// Where connections to come lead; those that are there are reset.
    package func retarget(to target: Target) {
        state.withLock { $0.target = target }
        cut()
    }

    /// Resets all connections on both sides.
    package func cut() {
        for relay in state.withLock({ Array($0.relays.values) }) { relay.reset() }
    }

    package func close() async throws {
        try await listener.close()
        cut()
    }

    // MARK: - Connections

    /// What the listener knows of the proxy, which is made after it.
    private final class Accepting: Sendable {
        private let weakly = Mutex<Weak>(Weak())

        private struct Weak {
            weak var proxy: FaultProxy?
        }

        var proxy: FaultProxy? {
            get { weakly.withLock { $0.proxy } }
            set { weakly.withLock { $0.proxy = newValue } }
        }

        func accept(_ inbound: any Channel) -> EventLoopFuture<Void> {
            guard let proxy, !proxy.behaviour.refuses else { return inbound.close() }
            return proxy.connect(inbound)
        }
    }

    private func connect(_ inbound: any Channel) -> EventLoopFuture<Void> {
        let bootstrap = ClientBootstrap(group: inbound.eventLoop).channelOption(.autoRead, value: false)
        let connecting =
            switch state.withLock({ $0.target }) {
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            }
        return connecting.flatMap { outbound in
            inbound.closeFuture.whenComplete { _ in outbound.close(promise: nil) }
            outbound.closeFuture.whenComplete { _ in inbound.close(promise: nil) }
            return self.relay(.request, from: inbound, to: outbound)
                .and(self.relay(.reply, from: outbound, to: inbound)).map { _ in }
        }
    }

    private func relay(_ direction: Direction, from: any Channel, to: any Channel) -> EventLoopFuture<Void> {
        let relay = Relay(direction, from: from, to: to) { [weak self] in
            self?.behaviour ?? Behaviour()
        } onLoss: { [weak self] count in
            self?.state.withLock { $0.lostBytes += count }
        }
        state.withLock { $0.relays[ObjectIdentifier(relay)] = relay }
        from.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { _ = $0.relays.removeValue(forKey: ObjectIdentifier(relay)) }
        }
        return from.pipeline.addHandler(RelayHandler(relay)).map { relay.behaviourChanged() }
    }
}
