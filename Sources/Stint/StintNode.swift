import Foundation
import Logging
public import ServiceLifecycle
public import StintCore
public import StintRuntime
import StintStore

/// A node of the cluster: claims jobs from queues and runs them. Start as many as you like, on as many machines.
///
///     let node = try StintNode(client, queues: ["mail"], concurrency: 32) {
///         SendReceipt.self
///         ResizeImage.handler { job, context in … }
///     }
///     try await ServiceGroup(services: [node], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
///
/// On a graceful shutdown it stops claiming, waits for running jobs for the grace period, then cancels the rest and releases
/// them: their attempts are not counted.
public final class StintNode: Service {
    package let node: Node
    private let client: StintClient

    /// - Parameters:
    ///   - queues: the queues to work on: a list, ``NodeQueues/strict(_:)`` or ``NodeQueues/weighted(_:)``.
    ///   - concurrency: how many jobs run at the same time. Default four for each core.
    ///   - lease: how long a job stays this node's without a sign of life. Default 30 s. It bounds how long a silent node's jobs
    ///     wait, not how long a job may run: the heartbeat extends it.
    ///   - grace: how long running jobs may take to end after a shutdown was asked for. Default 25 s.
    ///   - cancelGrace: how long a handler may take to return after its cancellation. Then its job is settled without it, and
    ///     another slot takes the place of the one that it keeps. Default 3 s.
    ///   - name: the node's name in its consumer ID and in the register. Default the host's name.
    ///   - build: the version of your program, for the register, by which ``StintClient/quiet(_:)`` can choose nodes.
    ///   - labels: what this node has that others may not have, for the register.
    ///   - middleware: what is called around every run, the first outermost.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public convenience init(
        _ client: StintClient, queues: NodeQueues, concurrency: Int? = nil, lease: Duration = Defaults.lease,
        grace: Duration = Defaults.grace, cancelGrace: Duration = Defaults.cancelGrace, name: String? = nil,
        build: String = "", labels: [String] = [], middleware: [any RunMiddleware] = [],
        @HandlerBuilder handlers: () -> [JobHandler]
    ) throws(StintError) {
        let handlers = try Handlers(handlers())
        var configuration = NodeConfiguration(
            queues: queues.queues,
            concurrency: concurrency ?? 4 * ProcessInfo.processInfo.activeProcessorCount,
            consumer: try ConsumerID(name: name ?? Self.hostName)
        )
        configuration.isStrict = queues.isStrict
        configuration.lease = lease
        configuration.grace = grace
        configuration.cancelGrace = cancelGrace
        (configuration.build, configuration.labels) = (build, labels)
        try self.init(client, configuration, handlers, middleware: middleware)
    }

    package init(
        _ client: StintClient, _ configuration: NodeConfiguration, _ handlers: Handlers,
        middleware: [any RunMiddleware] = [], observer: NodeObserver? = nil
    ) throws(StintError) {
        guard client.isOnRedis else {
            throw .invalidArgument(
                "node", "the client keeps its jobs in memory", advice: "Run its jobs by drain() of TestStint.")
        }
        var configuration = configuration
        configuration.codec = client.codec
        self.client = client
        self.node = try Node(
            store: client.store, configuration: configuration, handlers: handlers.behind(middleware),
            logger: client.logger,
            observer: observer
        )
    }

    /// Who holds this node's leases.
    public var consumer: ConsumerID { node.consumer }

    /// Works until the service group shuts down gracefully, or the task is cancelled.
    ///
    /// - Throws: ``StintError`` with code `unsupportedServer` when another version of Stint wrote one of the queues.
    public func run() async throws {
        for queue in node.configuration.queues { try await client.open(queue.name) }
        await withGracefulShutdownHandler {
            await node.run()
        } onGracefulShutdown: {
            self.node.requestStop()
        }
    }

    /// Stops gracefully, where no service group does. A second call ends the grace.
    public func stop() {
        node.requestStop()
    }

    /// The host's name, cut to what a consumer ID may hold.
    package static var hostName: String {
        let name = ProcessInfo.processInfo.hostName.filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0))
        }
        return name.isEmpty ? "node" : String(name.prefix(60))
    }
}
