import Foundation
import Logging
import StintCore
import StintRedis
import StintStore
import Synchronization

/// Enters the node in the register: for people, and with the session by which other nodes see whether it lives.
struct RegisterLoop {
    private static let interval = Duration.seconds(10)
    /// While the register names a session that is over, the node is about to be missed.
    private static let hurry = Duration.milliseconds(200)
    /// A node that has not beaten for this long is forgotten.
    private static let keep = Duration.seconds(86_400)

    /// What the register says of a node.
    private struct About: Encodable {
        let host: String
        let pid: Int32
        let build: String
        let queues: [String]
        let concurrency: Int
        let running: Int
        let leaseMs: Int64
        let startedMs: Int64
        let state: String
        let labels: [String]
        /// Missing = every type.
        let types: [String]?
        let abandoned: Int
    }

    let node: NodeState
    /// Is told by every beat what this node was told; `nil` = nothing.
    let obey: @Sendable (NodeOrder?) -> Void
    let startedMs = Int64(Date().timeIntervalSince1970 * 1000)

    func run() async {
        let (client, signal) = (node.store.client, node.registerSignal)
        let listener = client.onReady { signal.raise() }
        defer { client.stopListening(listener) }
        while !Task.isCancelled {
            var isEntered = true
            do {
                isEntered = try await runOnce()
            } catch {
                node.logger.debug("register failed", metadata: ["error": "\(error)"])
                isEntered = !((error as? StintError)?.isPassing ?? false)
            }
            await node.pause(isEntered ? Self.interval : Self.hurry, on: signal)
        }
    }

    /// What a node is quiet for comes after the claim that is under way.
    private static func state(_ node: NodeState) -> NodeInfo.State {
        if node.isStopping { return .stopping }
        return node.isQuiet && !node.isClaiming.load(ordering: .relaxed) ? .quiet : .working
    }

    /// - Returns: whether the register has the session of the connection that is in use now.
    func runOnce() async throws -> Bool {
        let configuration = node.configuration
        let about = About(
            host: ProcessInfo.processInfo.hostName, pid: ProcessInfo.processInfo.processIdentifier,
            build: configuration.build,
            queues: configuration.queues.map(\.name.rawValue), concurrency: configuration.concurrency,
            running: node.leases.count,
            leaseMs: configuration.lease.wholeMs, startedMs: startedMs,
            state: Self.state(node).rawValue, labels: configuration.labels,
            types: node.handlers.types?.map(\.rawValue), abandoned: node.abandoned.load(ordering: .relaxed)
        )
        let text = String(decoding: try JSONEncoder().encode(about), as: UTF8.self)
        let epoch = node.store.client.connectionEpoch
        let isKnown = await learnSession()
        let order = try await node.store.beat(
            node.consumer, about: text, session: node.session.withLock { $0.isRefused ? nil : $0.known(on: epoch) },
            queues: configuration.queues.map(\.name), keep: Self.keep)
        obey(order)
        if isKnown { node.watchSignal.raise() }
        return isKnown && node.store.client.connectionEpoch == epoch
    }

    /// Asks once for each connection.
    ///
    /// - Returns: whether there is nothing more to learn of this one.
    private func learnSession() async -> Bool {
        let client = node.store.client
        let epoch = client.connectionEpoch
        if node.session.withLock({ $0.isRefused || (epoch > 0 && $0.isKnown(on: epoch)) }) { return true }
        do throws(RedisError) {
            let session = try await client.session()
            node.session.withLock { $0.note(session, on: epoch) }
            if session == nil {
                node.logger.info(
                    "the server sees another address than ours: if this node is killed its jobs wait for their leases")
            }
            return true
        } catch {
            guard error.disposition == .final else { return false }
            node.cannotWatch(error)
            return true
        }
    }

    func leave() async {
        do {
            try await node.store.beat(node.consumer, about: nil, queues: [], keep: Self.keep)
        } catch {
            node.logger.debug("leaving the register failed", metadata: ["error": "\(error)"])
        }
    }
}
