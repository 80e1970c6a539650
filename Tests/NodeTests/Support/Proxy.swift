import NIOCore
import NIOPosix

/// A TCP proxy before a server's socket, in this process: what the server sees is the proxy's connection.
struct Proxy {
    private let listener: any Channel

    init(to socketPath: String) async throws {
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { inbound in
                ClientBootstrap(group: inbound.eventLoop).connect(unixDomainSocketPath: socketPath).flatMapThrowing {
                    outbound in
                    try inbound.pipeline.syncOperations.addHandler(Relay(to: outbound))
                    try outbound.pipeline.syncOperations.addHandler(Relay(to: inbound))
                    inbound.closeFuture.whenComplete { _ in outbound.close(promise: nil) }
                    outbound.closeFuture.whenComplete { _ in inbound.close(promise: nil) }
                    inbound.setOption(.autoRead, value: true).whenComplete { _ in }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var url: String { "redis://127.0.0.1:\(listener.localAddress?.port ?? 0)" }

    func close() async throws { try await listener.close() }

    private final class Relay: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
