package import NIOCore
package import StintCore

/// The operations that clients and nodes need, wherever the jobs are: ``Store`` is Redis, and `StintTesting` has one in memory.
/// One suite of tests (`Tests/StintTestingTests/Conformance`) runs against both. What each means is said at ``Store``.
///
/// What only loops of nodes ask, and what is about connections, is not here.
package protocol JobStore: ReportStore {
    func open(_ queue: QueueName) async throws(StintError)
    func enqueue(_ jobs: [NewJob], on queue: QueueName, timeout: Duration?) async throws(StintError) -> [EnqueueOutcome]

    func claim(_ limit: Int, from queue: QueueName, for consumer: ConsumerID, lease: Duration)
        async throws(StintError) -> Claim
    func extend(
        _ jobs: [(held: Held, lease: Duration)], on queue: QueueName, by consumer: ConsumerID, timeout: Duration?
    ) async throws(StintError) -> Extension
    func once(_ step: String, of job: Held, noting value: ByteBuffer?, on queue: QueueName, by consumer: ConsumerID)
        async throws(StintError) -> StepNote
    func answer(_ answers: [Answer], on queue: QueueName, by consumer: ConsumerID, keeping count: Int, bytes: Int)
        async throws(StintError) -> Settlement
    func ack(_ jobs: [Held], on queue: QueueName, by consumer: ConsumerID) async throws(StintError) -> Settlement
    func nack(_ nacks: [Nack], on queue: QueueName, by consumer: ConsumerID) async throws(StintError) -> [NackOutcome]
    func release(_ jobs: [Held], on queue: QueueName, by consumer: ConsumerID, delay: Duration)
        async throws(StintError) -> Settlement

    func reap(_ limit: Int, from queue: QueueName, maxLapses: Int, gone: ConsumerID?)
        async throws(StintError) -> Reaping
    func promote(_ limit: Int, on queue: QueueName, for consumer: ConsumerID)
        async throws(StintError) -> (promoted: Int, dueIn: Duration?)
    func expel(_ consumer: ConsumerID, from queue: QueueName) async throws(StintError) -> Int
    func trim(_ limit: Int, on queue: QueueName, keeping retentions: [(JobState, Retention)])
        async throws(StintError) -> [Int]
    func trimResults(_ limit: Int, on queue: QueueName, keeping count: Int, bytes: Int)
        async throws(StintError) -> Int
    func result(of id: JobID, on queue: QueueName) async throws(StintError) -> ByteBuffer?

    func failures(_ limit: Int, from cursor: String, on queue: QueueName) async throws(StintError) -> FailureStep
    func cancel(_ ids: [JobID], on queue: QueueName, reason: String, by: String)
        async throws(StintError) -> Cancellation
    func redrive(_ ids: [JobID], on queue: QueueName) async throws(StintError) -> [RedriveOutcome]
    func change(_ ids: [JobID], on queue: QueueName, priority: Int?, due: Due?)
        async throws(StintError) -> [ChangeOutcome]
    func edit(_ payloads: [(id: JobID, payload: ByteBuffer)], on queue: QueueName)
        async throws(StintError) -> [EditOutcome]
    func configure(_ settings: [(name: String, value: String?)], of queue: QueueName) async throws(StintError)
        -> QueueSettings
    func order(of queue: QueueName) async throws(StintError) -> (order: QueueOrder, isReordering: Bool)
    func reorder(_ limit: Int, of queue: QueueName, from cursor: String, change: String) async throws(StintError)
        -> ReorderStep
    func estimates(of queue: QueueName) async throws(StintError) -> [JobType: Duration]
    func purge(_ limit: Int, _ state: JobState, on queue: QueueName) async throws(StintError) -> Int
    func pause(_ isPaused: Bool, _ queue: QueueName) async throws(StintError) -> Bool
}

/// The reads for people. What each means is said at ``Inspector``.
package protocol JobReader: Sendable {
    func stats(of queue: QueueName) async throws(StintError) -> QueueStats
    func queues() async throws(StintError) -> [QueueName]
    func jobs(_ ids: [JobID], on queue: QueueName) async throws(StintError) -> [JobDetail]
    func ids(_ state: JobState, on queue: QueueName, offset: Int, limit: Int) async throws(StintError) -> [JobID]
    func leases(of consumer: ConsumerID, on queue: QueueName) async throws(StintError) -> [Held]
}

extension Store: JobStore {
    package func claim(_ limit: Int, from queue: QueueName, for consumer: ConsumerID, lease: Duration)
        async throws(StintError) -> Claim
    {
        try await claim(limit, from: queue, for: consumer, lease: lease, only: nil)
    }
}

extension Inspector: JobReader {}
