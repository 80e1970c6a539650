import Logging
import StintCore
import StintRedis
import StintStore
import Synchronization

/// Listens for nudges: that a job of this node was cancelled, or that there is an order for it. Both are found without them,
/// by the next heartbeat and the next beat.
struct InboxLoop {
    /// How long one blocking call lasts: what an idle node pays for it is one command in that time.
    private static let blockFor = Duration.seconds(60)
    /// What its connection is called, for who looks at the server's list of clients.
    static let clientName = "stint-inbox"

    let node: NodeState
    /// A client of its own: its blocking connection serves one call at a time.
    let ear: RedisClient
    let timer: Signal

    func run() async {
        var command = RedisCommand("BLPOP")
        command.append(node.store.keys.inbox(node.consumer))
        command.append(Int(Self.blockFor.components.seconds))
        while !Task.isCancelled { await runOnce(command) }
    }

    private func runOnce(_ command: RedisCommand) async {
        do {
            let reply = try await ear.block(command, upTo: Self.blockFor)
            if reply.count == 2, let nudge = reply[1].string.flatMap(Nudge.init(parsing:)) { follow(nudge) }
        } catch {
            if Task.isCancelled { return }
            if error.disposition == .final {
                node.logger.notice("nudges are refused: cancels wait for heartbeats", metadata: ["error": "\(error)"])
                await timer.wait(upTo: .seconds(60))
            } else {
                node.logger.debug("listening for nudges failed", metadata: ["error": "\(error)"])
                await node.pause(.milliseconds(500), on: timer)
            }
        }
    }

    private func follow(_ nudge: Nudge) {
        switch nudge {
        case .extend(let queue):
            node.nudged.withLock { _ = $0.insert(queue) }
            node.heartbeatSignal.raise()
        case .beat: node.registerSignal.raise()
        }
    }
}
