public import Foundation
public import NIOCore
public import Stint
import StintCore
import StintStore

/// What is known of a job.
public struct TestJob: Sendable {
    public let id: JobID
    public let queue: QueueName
    public let state: JobState
    /// `nil` = the job is done: of done jobs only the ids are remembered.
    public let type: JobType?
    public let priority: Int
    /// When it is due (scheduled), its lease runs out (leased), or it ended (dead, cancelled).
    public let date: Date?
    /// As it was enqueued; empty when the job is done.
    public let payload: ByteBuffer
    /// How often its handler has failed.
    public let failures: Int
    /// How often its lease has run out.
    public let lapses: Int
    /// What the last failure, lapse or cancel said of itself.
    public let reason: String
}

extension TestStint {
    /// Looks a job up.
    ///
    /// - Throws: ``StintError`` with code `invalidArgument` when no job of this id is known, any more.
    public func job(_ id: JobID, on queue: QueueName) throws(StintError) -> TestJob {
        guard let job = try store.jobs([id], on: queue).first.flatMap(TestJob.init) else {
            throw .invalidArgument(
                "job \(id)", "the queue \(queue) knows no job of this id",
                advice: "It was never enqueued there, or it was purged, or forgotten a while after it had ended.")
        }
        return job
    }

    /// All jobs of a queue that are in a state, in the order in which they are to be run, or of their time there. Done jobs have
    /// no order.
    public func jobs(_ state: JobState, on queue: QueueName) throws(StintError) -> [TestJob] {
        let ids = try store.ids(state, on: queue, limit: .max)
        var jobs: [TestJob] = []
        for id in ids { jobs += try store.jobs([id], on: queue).compactMap(TestJob.init) }
        return jobs
    }

    /// The payloads of the jobs of one type that wait to be run, ready ones first: what the code under test has enqueued.
    ///
    ///     #expect(try stint.waiting(SendReceipt.self, on: "mail").map(\.order) == [7])
    ///
    /// - Throws: `DecodingError`; a payload that is no `J` is not passed over.
    public func waiting<J: JobPayload>(_ type: J.Type, on queue: QueueName) throws -> [J] {
        try (jobs(.ready, on: queue) + jobs(.scheduled, on: queue)).filter { $0.type?.rawValue == J.type }.map { job in
            try JSONDecoder().decode(J.self, from: Data(job.payload.readableBytesView))
        }
    }
}

extension TestJob {
    fileprivate init?(_ job: JobDetail) {
        guard let state = job.state else { return nil }
        self.init(
            id: job.id, queue: job.queue, state: state, type: job.header?.type, priority: job.header?.priority ?? 0,
            date: job.whenMs.map { Date(timeIntervalSince1970: Double($0) / 1000) },
            payload: job.payload ?? ByteBuffer(), failures: job.tries.failures, lapses: job.tries.lapses,
            reason: job.tries.reason)
    }
}
