public import Foundation
public import StintCore
import StintRuntime
public import StintStore

extension StintClient {
    // MARK: Order

    /// Sets which of the ready jobs of a queue run first, for all nodes, and brings those that are ready into that order, in
    /// bounded steps, while they may be claimed. When this process dies meanwhile, a node that works on the queue goes on
    /// within about a minute.
    ///
    /// - Returns: the order before.
    /// - Throws: ``StintError``: `invalidArgument`, `refused`, `unavailable` or `unconfirmed`. Setting it again is safe.
    @discardableResult
    public func setOrder(_ order: QueueOrder, of queue: QueueName) async throws(StintError) -> QueueOrder {
        try order.validate()
        try await open(queue)
        // A change that is under way first: what its scores say is known only by what they were before.
        try await ReorderWalk(jobs).run(queue)
        let before = try await jobs.configure([("order", order.setting)], of: queue)
        try await ReorderWalk(jobs).run(queue)
        return before.order
    }

    /// Which of the ready jobs of a queue run first.
    public func order(of queue: QueueName) async throws(StintError) -> QueueOrder {
        try await jobs.order(of: queue).order
    }

    /// How long a run of each type of job takes, as far as nodes have learned it: what ``QueueOrder/shortest`` goes by where a
    /// job has no ``EnqueueOption/estimate(_:)`` of its own. Empty while the queue has never had that order.
    ///
    /// - Throws: ``StintError``: `refused` or `unavailable`.
    public func estimates(of queue: QueueName) async throws(StintError) -> [JobType: Duration] {
        try await jobs.estimates(of: queue)
    }

    // MARK: Change

    /// Makes a job that waits due at another time. One that is ready and gets a time in the future waits for it.
    @discardableResult
    public func reschedule(_ id: JobID, on queue: QueueName, to moment: Moment) async throws(StintError)
        -> ChangeOutcome
    {
        guard moment.isInRange else {
            throw .invalidArgument(
                "reschedule \(id)", "\(moment) is out of range", advice: "It is at most ten years, and before 10000.")
        }
        let due: Due =
            switch moment {
            case .after(let delay): .after(delay)
            case .at(let ms): .at(ms: ms)
            }
        return try await jobs.change([id], on: queue, priority: nil, due: due).first ?? .unknown
    }

    /// Gives a job that waits another priority, -100 to 100. One that is ready keeps the time at which it became so.
    @discardableResult
    public func setPriority(_ priority: Int, of id: JobID, on queue: QueueName) async throws(StintError)
        -> ChangeOutcome
    {
        guard (-100...100).contains(priority) else {
            throw .invalidArgument(
                "priority of \(id)", "priority \(priority) is out of range", advice: "It is -100 to 100.")
        }
        return try await jobs.change([id], on: queue, priority: priority, due: nil).first ?? .unknown
    }
}

extension Moment {
    /// A time of the server's clock.
    public static func at(_ date: Date) -> Moment {
        .at(ms: Int64((date.timeIntervalSince1970 * 1000).rounded(.up)))
    }
}
