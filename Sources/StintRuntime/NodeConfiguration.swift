package import StintCore

package struct NodeConfiguration: Sendable {
    package struct Queue: Sendable {
        package let name: QueueName
        /// How often this queue is asked before the others, relative to their weights. At least 1.
        package let weight: Int

        package init(_ name: QueueName, weight: Int = 1) {
            self.name = name
            self.weight = weight
        }
    }

    package var queues: [Queue]
    /// Claims from a queue only when those before it have nothing, as far as the node knows; weights do not count then.
    package var isStrict = false
    package var concurrency: Int
    package var consumer: ConsumerID
    package var lease = Defaults.lease
    package var grace = Defaults.grace
    /// After its cancellation a handler has this long to return, before its job is settled in spite of it.
    package var cancelGrace = Defaults.cancelGrace
    package var maxLapses = Defaults.maxLapses
    /// The longest that jobs may wait inside this process for a slot: how far ahead tiny jobs are claimed.
    package var prefetchTime = Duration.milliseconds(20)
    /// The most jobs of one claim.
    package var claimLimit = Defaults.maxJobsPerCall
    /// The longest that a lost wake-up delays a job. Tests of what must not wait for it make it long.
    package var longestPoll = Defaults.pollInterval
    /// How often finished jobs are forgotten, and changes of the order ended that nobody has ended.
    package var upkeepInterval = Duration.seconds(60)
    /// The version of the program, for the register.
    package var build = ""
    /// What the node has that others may not have, for the register.
    package var labels: [String] = []
    /// What decodes the payloads that were encoded.
    package var codec: (any PayloadCodec)?

    package init(queues: [Queue], concurrency: Int, consumer: ConsumerID) {
        self.queues = queues
        self.concurrency = concurrency
        self.consumer = consumer
    }

    /// How often an idle node looks whether a wake-up was lost. Shorter for short leases, so that their lapses are seen in time.
    var pollInterval: Duration { min(longestPoll, lease / 3) }

    /// The most jobs that one step of the node takes from a queue. With several queues it is less: while one is being served the
    /// others wait, for the server and then for a slot.
    var jobsPerStep: Int { queues.count > 1 ? min(claimLimit, 400) : claimLimit }

    /// How many queues one poll looks at.
    static let queuesPerPoll = 100
    /// Until every queue has been looked at once: with more queues than that not every poll comes to every one.
    var pollRound: Duration { pollInterval * ((queues.count + Self.queuesPerPoll - 1) / Self.queuesPerPoll) }

    /// - Throws: ``StintError`` with code `invalidArgument`.
    func validate() throws(StintError) {
        func check(_ isRight: Bool, _ message: String, _ advice: String) throws(StintError) {
            if !isRight { throw .invalidArgument("node", message, advice: advice) }
        }
        try check(!queues.isEmpty, "no queue to work on", "Name at least one.")
        try check(Set(queues.map(\.name)).count == queues.count, "a queue is named twice", "Name each once.")
        try check(queues.allSatisfy { (1...1000).contains($0.weight) }, "a weight is out of range", "It is 1 to 1,000.")
        try check(
            (1...100_000).contains(concurrency), "concurrency \(concurrency) is out of range", "It is 1 to 100,000.")
        try check(
            lease >= .milliseconds(100) && lease <= .seconds(7 * 86_400), "lease \(lease) is out of range",
            "It is 100 ms to 7 days.")
        try check(grace >= .zero, "grace \(grace) is negative", "It is zero or more.")
        try check(cancelGrace >= .zero, "cancel grace \(cancelGrace) is negative", "It is zero or more.")
        try check(
            labels.count <= 100 && (labels + [build]).allSatisfy { $0.utf8.count <= 128 },
            "a build or label is too long", "They have at most 128 bytes, and there are at most 100 labels.")
        try check(maxLapses >= 1, "max lapses \(maxLapses) is out of range", "It is 1 or more.")
    }
}
