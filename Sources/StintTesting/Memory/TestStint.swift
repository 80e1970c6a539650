public import Foundation
public import Logging
import NIOCore
import NIOPosix
public import Stint
import StintCore
import StintRuntime
import StintStore
import Synchronization

/// Stint in memory, for tests of code that enqueues jobs and of handlers that run them: no Redis, no waiting, and a clock that
/// goes when the test says so.
///
///     let stint = try TestStint { SendReceipt.self }
///     let receipt = try await stint.client.enqueue(SendReceipt(order: 7), on: "mail", .in(.seconds(30)))
///     try await stint.drain()                  // nothing is due
///     try await stint.advance(by: .seconds(30))
///     try await stint.drain()                  // runs it, as a node does
///     #expect(try stint.job(receipt.id, on: "mail").state == .done)
///
/// What the queues do is what the scripts do in Redis: both are compared with the same model, step by step. Handlers are run by
/// the code that runs them in a node. What nodes have loops for happens in ``drain(_:concurrency:limit:)`` and
/// ``advance(by:)``, and at no other time.
public final class TestStint: Sendable {
    /// For code under test that enqueues jobs or looks after them. Not for ``StintNode``: jobs in memory are run by
    /// ``drain(_:concurrency:limit:)``.
    public let client: StintClient

    struct State {
        var generator: SeededGenerator
        var faults: [PlannedFault] = []
        /// Nodes that live: they beat while time passes, and hear of cancels.
        var nodes: [ObjectIdentifier: Living] = [:]
        /// Nodes that are frozen, and when they are thawed, µs since 1970.
        var frozen: [Frozen] = []
        var trimmedAtUs: Int64
    }

    struct Living: Sendable {
        let node: SteppedNode
        /// Its heartbeats get through.
        let isHeard: Bool
    }

    let store: MemoryStore
    let time = ManualTime()
    let handlers: Handlers
    let consumer: ConsumerID
    let lease: Duration
    let logger: Logger
    let state: Mutex<State>

    /// - Parameters:
    ///   - startingAt: what the clock says at first. Default: now, so that due times which the code under test reckons from
    ///     `Date.now` are where it thinks they are.
    ///   - seed: the same seed draws the same jitter for retries, and from queues in random order the same jobs. Default 1.
    ///   - lease: that of the nodes, for jobs without one of their own. Default 30 s.
    ///   - logger: what handlers and nodes log to. Default: nowhere.
    ///   - handlers: as for ``StintNode``; none are needed to test what is enqueued.
    /// - Throws: ``StintError`` with code `invalidArgument` for a job type that is none, or that has two handlers.
    public init(
        startingAt start: Date = .now, seed: UInt64 = 1, lease: Duration = Defaults.lease, logger: Logger? = nil,
        @HandlerBuilder handlers: () -> [JobHandler] = { [] }
    ) throws(StintError) {
        let nowUs = Int64(start.timeIntervalSince1970 * 1000) * 1000
        self.handlers = try Handlers(handlers())
        self.consumer = try ConsumerID(name: "test")
        self.lease = lease
        self.logger = logger ?? Logger(label: "stint.test") { _ in SwiftLogNoOpLogHandler() }
        store = MemoryStore(nowUs: nowUs, seed: seed)
        client = StintClient(memory: store, logger: self.logger)
        state = Mutex(State(generator: SeededGenerator(seed: seed), trimmedAtUs: nowUs))
        store.whenCancelling { [weak self] ids, queue, reason in
            guard let self else { return }
            for living in living where living.isHeard {
                living.node.cancel(Set(ids), on: queue, reason: reason)
            }
        }
    }

    /// What the clock says: it stands still but for ``advance(by:)``.
    public var now: Date { Date(timeIntervalSince1970: Double(store.nowUs) / 1e6) }

    var living: [Living] { state.withLock { Array($0.nodes.values) } }

    func makeNode() -> SteppedNode {
        SteppedNode(
            store, consumer: consumer, lease: lease, handlers: handlers, time: time,
            eventLoop: MultiThreadedEventLoopGroup.singleton.any(), logger: logger,
            draw: { [weak self] in self?.state.withLock { Double.random(in: 0..<1, using: &$0.generator) } ?? 0 })
    }
}
