import NIOCore
import NIOPosix
import Synchronization

extension FaultProxy {
    /// One direction of one connection. Its state belongs to the event loop that both channels share.
    final class Relay: Sendable {
        private struct Progress {
            /// Nothing arrives before what was sent before it.
            var free = NIODeadline.uptimeNanoseconds(0)
            var bytes = 0
        }

        private let direction: Direction
        private let from: any Channel
        private let to: any Channel
        private let behaviour: @Sendable () -> Behaviour
        private let onLoss: @Sendable (Int) -> Void
        private let progress = Mutex(Progress())

        init(
            _ direction: Direction, from: any Channel, to: any Channel, behaviour: @escaping @Sendable () -> Behaviour,
            onLoss: @escaping @Sendable (Int) -> Void
        ) {
            (self.direction, self.from, self.to) = (direction, from, to)
            (self.behaviour, self.onLoss) = (behaviour, onLoss)
        }

        func behaviourChanged() {
            from.setOption(.autoRead, value: !behaviour()[direction].isHeld).whenComplete { _ in }
        }

        /// RST, both ways: without lingering there is no orderly end.
        func reset() {
            for channel in [from, to] {
                guard let socket = channel as? any SocketOptionProvider else { continue }
                socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
            }
        }

        func take(_ arrived: ByteBuffer) {
            let way = behaviour()[direction]
            var bytes = arrived
            let before = progress.withLock { progress in
                defer { progress.bytes += bytes.readableBytes }
                return progress.bytes
            }
            let isLast = way.cutAfterBytes.map { before + bytes.readableBytes >= $0 } ?? false
            if isLast, let limit = way.cutAfterBytes {
                bytes = bytes.getSlice(at: bytes.readerIndex, length: max(0, limit - before)) ?? ByteBuffer()
            }
            if way.isLost { onLoss(bytes.readableBytes) } else { send(bytes, way) }
            if isLast { reset() }
        }

        private func send(_ bytes: ByteBuffer, _ way: Way) {
            let now = NIODeadline.now()
            let transfer = way.bytesPerSecond.map { Double(bytes.readableBytes) / Double(max(1, $0)) } ?? 0
            let delay = way.latency + way.jitter * Double.random(in: 0...1)
            let at = progress.withLock { progress in
                let start = max(progress.free, now + .nanoseconds(delay.nanoseconds))
                progress.free = start + .nanoseconds(Int64(transfer * 1e9))
                return progress.free
            }
            if at <= now { return to.writeAndFlush(bytes, promise: nil) }
            let to = self.to
            // Tasks of one loop that are due at the same instant run in the order in which they were scheduled.
            to.eventLoop.scheduleTask(deadline: at) { to.writeAndFlush(bytes, promise: nil) }
        }
    }

    final class RelayHandler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let relay: Relay

        init(_ relay: Relay) { self.relay = relay }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { relay.take(unwrapInboundIn(data)) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
