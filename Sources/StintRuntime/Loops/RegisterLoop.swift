import Foundation
import Logging
import StintCore
import StintStore

/// Enters the node in the register, for people.
struct RegisterLoop {
    private static let interval = Duration.seconds(10)
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
    }

    let node: NodeState
    let timer: Signal
    let startedMs = Int64(Date().timeIntervalSince1970 * 1000)

    func run() async {
        while !Task.isCancelled {
            do {
                try await runOnce()
            } catch {
                node.logger.debug("register failed", metadata: ["error": "\(error)"])
            }
            await node.pause(Self.interval, on: timer)
        }
    }

    func runOnce() async throws {
        let configuration = node.configuration
        let about = About(
            host: ProcessInfo.processInfo.hostName, pid: ProcessInfo.processInfo.processIdentifier,
            build: configuration.build,
            queues: configuration.queues.map(\.name.rawValue), concurrency: configuration.concurrency,
            running: node.leases.count,
            leaseMs: configuration.lease.wholeMs, startedMs: startedMs
        )
        let text = String(decoding: try JSONEncoder().encode(about), as: UTF8.self)
        try await node.store.beat(node.consumer, about: text, queues: configuration.queues.map(\.name), keep: Self.keep)
    }

    func leave() async {
        do {
            try await node.store.beat(node.consumer, about: nil, queues: [], keep: Self.keep)
        } catch {
            node.logger.debug("leaving the register failed", metadata: ["error": "\(error)"])
        }
    }
}
