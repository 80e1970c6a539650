public import StintCore
import StintRuntime

/// The queues that a node works on, and how it divides itself between them. An array literal of names is one: all alike.
public struct NodeQueues: Sendable, ExpressibleByArrayLiteral {
    let queues: [NodeConfiguration.Queue]
    let isStrict: Bool

    /// All alike: none waits for the others.
    public init(_ queues: [QueueName]) {
        self.init(queues.map { NodeConfiguration.Queue($0) }, isStrict: false)
    }

    public init(arrayLiteral queues: QueueName...) { self.init(queues) }

    private init(_ queues: [NodeConfiguration.Queue], isStrict: Bool) {
        self.queues = queues
        self.isStrict = isStrict
    }

    /// A later queue is claimed from only when the earlier ones had nothing. So it starves as long as they have something. A node
    /// that works on a later queue hears of jobs in an earlier one within about 15 ms, more with very many queues.
    public static func strict(_ queues: [QueueName]) -> NodeQueues {
        NodeQueues(queues.map { NodeConfiguration.Queue($0) }, isStrict: true)
    }

    /// A queue that has jobs is claimed from in proportion to its weight, 1 to 1,000: none starves.
    ///
    ///     .weighted(["urgent": 5, "bulk": 1])
    public static func weighted(_ weights: KeyValuePairs<QueueName, Int>) -> NodeQueues {
        NodeQueues(weights.map { NodeConfiguration.Queue($0.key, weight: $0.value) }, isStrict: false)
    }
}
