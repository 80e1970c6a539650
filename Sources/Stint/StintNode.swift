import Foundation
import Logging
public import ServiceLifecycle
public import StintCore
package import StintRuntime
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
    ///   - name: the node's name in its consumer ID and in the register. Default the host's name.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public convenience init(
        _ client: StintClient, queues: NodeQueues, concurrency: Int? = nil, lease: Duration = Defaults.lease,
        grace: Duration = Defaults.grace, name: String? = nil, @HandlerBuilder handlers: () -> [JobHandler]
    ) throws(StintError) {
        var byType: [JobType: Handler] = [:]
        for handler in handlers() {
            guard byType.updateValue(handler.handler, forKey: try JobType(handler.type)) == nil else {
                throw .invalidArgument(
                    "node", "two handlers for jobs of type \(handler.type)", advice: "Register one for each type.")
            }
        }
        var configuration = NodeConfiguration(
            queues: queues.queues,
            concurrency: concurrency ?? 4 * ProcessInfo.processInfo.activeProcessorCount,
            consumer: try ConsumerID(name: name ?? Self.hostName)
        )
        configuration.isStrict = queues.isStrict
        configuration.lease = lease
        configuration.grace = grace
        try self.init(client, configuration, Handlers(byType))
    }

    package init(
        _ client: StintClient, _ configuration: NodeConfiguration, _ handlers: Handlers, observer: NodeObserver? = nil
    ) throws(StintError) {
        self.client = client
        self.node = try Node(
            store: client.store, configuration: configuration, handlers: handlers, logger: client.logger,
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
