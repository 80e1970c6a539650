package import StintCore
import StintLua
package import StintRedis

/// What a node is told from afar.
package enum NodeOrder: String, Sendable {
    /// Claim nothing more; keep what is held, and finish it.
    case quiet
    /// As a SIGTERM.
    case stop
    /// An end of being quiet.
    case resume
}

/// What a message in a node's inbox asks for, all of which it does sooner or later by itself.
package enum Nudge: Hashable, Sendable, CustomStringConvertible {
    /// Extend the leases of a queue now, and so hear of cancels.
    case extend(QueueName)
    /// Beat now, and so hear of orders.
    case beat

    package var description: String {
        switch self {
        case .extend(let queue): "extend \(queue)"
        case .beat: "beat"
        }
    }

    package init?(parsing text: String) {
        if text == "beat" {
            self = .beat
        } else if text.hasPrefix("extend "), let queue = try? QueueName(String(text.dropFirst(7))) {
            self = .extend(queue)
        } else {
            return nil
        }
    }
}

extension Store {
    /// Enters a node and its queues in the registers.
    ///
    /// - Parameters:
    ///   - about: what there is to know of the node, JSON; `nil` = it leaves.
    ///   - session: that of the connection by which it extends its leases; `nil` = not to be judged by it.
    ///   - keep: how long nodes that no longer beat stay in the register.
    /// - Returns: what the node was told; `nil` = nothing.
    @discardableResult
    package func beat(
        _ consumer: ConsumerID, about: String?, session: RedisSession? = nil, queues: [QueueName], keep: Duration
    ) async throws(StintError) -> NodeOrder? {
        let reply = try await call(Scripts.beat, key: keys.registers, "beat \(consumer)") { command in
            command.append(consumer.description)
            command.append(about ?? "")
            command.append(keep.wholeMs)
            command.append(session?.description ?? "")
            for queue in queues { command.append(queue.rawValue) }
        }
        guard reply.count == 2 else { throw .malformedReply("beat \(consumer)") }
        return reply[1].string.flatMap(NodeOrder.init(rawValue:))
    }

    /// Makes nodes do something now. At most ``Defaults/maxJobsPerCall``.
    ///
    /// - Returns: how many of them are in the register; the others were not told.
    @discardableResult
    package func nudge(_ consumers: some Collection<ConsumerID>, _ nudge: Nudge) async throws(StintError) -> Int {
        if consumers.isEmpty { return 0 }
        let reply = try await call(Scripts.nudge, key: keys.registers, "nudge nodes") { command in
            command.append(nudge.description)
            for consumer in consumers { command.append(consumer.description) }
        }
        return Int(reply.integer ?? 0)
    }

    /// Tells nodes something, of which they hear at once, or by their next beat. At most ``Defaults/maxJobsPerCall``.
    ///
    /// - Returns: those that are in the register.
    package func tell(_ order: NodeOrder, _ consumers: [ConsumerID]) async throws(StintError) -> [ConsumerID] {
        if consumers.isEmpty { return [] }
        let reply = try await call(Scripts.tell, key: keys.registers, "tell nodes to \(order.rawValue)") { command in
            command.append(order.rawValue)
            for consumer in consumers { command.append(consumer.description) }
        }
        guard reply.count == consumers.count else { throw .malformedReply("tell nodes to \(order.rawValue)") }
        return zip(consumers, reply.children).compactMap { $1.integer == 1 ? $0 : nil }
    }
}
