package import StintCore

/// Every key name of Stint. Nothing else spells one.
package struct Keys: Hashable, Sendable {
    /// The first word of every key, one per tenant. Default `stint`.
    package let prefix: String

    /// - Throws: ``StintError`` with code `invalidArgument`: a prefix has the alphabet of queue names.
    package init(prefix: String = "stint") throws(StintError) {
        self.prefix = try Name.checked(prefix, "key prefix")
    }

    /// What every script of a queue gets as its one key. The braces make a queue one slot of a cluster.
    package func queue(_ queue: QueueName) -> String { "\(prefix):{\(queue.rawValue)}:" }

    package func state(_ state: JobState, of queue: QueueName) -> String { self.queue(queue) + state.rawValue }
    /// Ids of done jobs from before the last turn of the two sets that remember them.
    package func doneBefore(_ queue: QueueName) -> String { self.queue(queue) + "done_before" }
    package func leases(_ queue: QueueName) -> String { self.queue(queue) + "leases" }
    package func wake(_ queue: QueueName) -> String { self.queue(queue) + "wake" }
    package func meta(_ queue: QueueName) -> String { self.queue(queue) + "meta" }
    package func estimates(_ queue: QueueName) -> String { self.queue(queue) + "estimates" }
    package func ends(_ queue: QueueName) -> String { self.queue(queue) + "ends" }
    package func results(_ queue: QueueName) -> String { self.queue(queue) + "results" }
    package func checkpoints(_ queue: QueueName) -> String { self.queue(queue) + "checkpoints" }
    package func progress(_ queue: QueueName) -> String { self.queue(queue) + "progress" }
    package func log(_ id: JobID, of queue: QueueName) -> String { self.queue(queue) + "log:" + id.rawValue }
    package func events(_ queue: QueueName) -> String { self.queue(queue) + "events" }

    /// The registers of queues and nodes, for people. `*` is no queue name, so that this is a slot of its own.
    package var registers: String { "\(prefix):{*}:" }
    package var queues: String { registers + "queues" }
    package var nodes: String { registers + "nodes" }
    package var abouts: String { registers + "abouts" }
    package var sessions: String { registers + "sessions" }
    package var watch: String { registers + "watch" }
    /// What nodes were told from afar.
    package var orders: String { registers + "orders" }
    /// The list on which a node waits for nudges.
    package func inbox(_ consumer: ConsumerID) -> String { registers + "inbox:" + consumer.description }

    /// The queue whose wake-up list a key is.
    package func queue(ofWake key: String) -> QueueName? {
        let head = prefix + ":{", tail = "}:wake"
        guard key.hasPrefix(head), key.hasSuffix(tail) else { return nil }
        return try? QueueName(String(key.dropFirst(head.count).dropLast(tail.count)))
    }
}
