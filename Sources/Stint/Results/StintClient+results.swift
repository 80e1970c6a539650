import Foundation
public import NIOCore
public import StintCore
import StintRedis
import StintRuntime
public import StintStore

extension StintClient {
    /// Enqueues a job whose result is wanted. It is kept for ``ResultJob/keepResult`` unless an option says how long.
    ///
    /// - Throws: as the enqueue of any job.
    @discardableResult
    public func enqueue<J: ResultJob>(_ job: J, on queue: QueueName, _ options: EnqueueOption...)
        async throws(StintError) -> ResultReceipt<J.Output>
    {
        let new = try NewJob(
            type: JobType(J.type), payload: Payload.encode(job), [.keepResult(for: J.keepResult)] + options, mint: mint)
        return ResultReceipt(receipt: try await enqueue(new, on: queue), client: self)
    }

    /// The result of a job as it is kept; `nil` = none is, yet or any more. Empty = the handler had none. That of a job whose
    /// payload was encoded is decoded by the client's codec.
    ///
    /// - Throws: ``StintError``: `keyMissing`, `tampered`, or `hookFailed` for what else the codec threw; `unavailable`.
    public func result(of id: JobID, on queue: QueueName) async throws(StintError) -> ByteBuffer? {
        guard let stored = try await jobs.result(of: id, on: queue) else { return nil }
        do {
            return try await ValueCodec(codec).decode(stored, .result, of: id, on: queue)
        } catch {
            throw EnqueuePipeline.stintError(error, "read the result of \(id)", "the codec refused it")
        }
    }

    /// Waits for the end of a job that was enqueued with ``EnqueueOption/keepResult(for:)``, without polling, and returns its
    /// result. All who wait on one queue share a connection.
    ///
    /// - Parameter limit: `nil` = as long as it takes.
    /// - Throws: ``ResultError`` when the job has no result; ``StintError``, in memory also `invalidArgument` when the job has not
    ///   ended; `CancellationError`.
    public func result(of id: JobID, on queue: QueueName, within limit: Duration?) async throws -> ByteBuffer {
        if let redis { return try await redis.answers.result(of: id, on: queue, within: limit, self) }
        guard let end = try await end(of: id, on: queue) else {
            throw StintError.invalidArgument(
                "result of \(id)", "the job has not ended, and in memory nothing runs while somebody waits for it",
                advice: "Let drain() of TestStint run it first.")
        }
        return try end.get()
    }

    /// How a job has ended; `nil` = it has not, and will keep its result.
    func end(of id: JobID, on queue: QueueName) async throws(StintError) -> Result<ByteBuffer, ResultError>? {
        let job = try await job(id, on: queue)
        switch job?.state {
        case .dead: return .failure(.dead(reason: job?.tries.reason ?? ""))
        case .cancelled: return .failure(.cancelled(reason: job?.tries.reason ?? ""))
        case .done, nil:
            // Written before the job was done, so that it is there now if it was kept.
            if let result = try await result(of: id, on: queue) { return .success(result) }
            return .failure(job == nil ? .unknown : .notKept)
        case .ready, .scheduled, .leased:
            return job?.header?.keepResult == nil ? .failure(.notKept) : nil
        }
    }

    /// The same, read from JSON.
    public func value<Value: Decodable>(
        of id: JobID, on queue: QueueName, as type: Value.Type, within limit: Duration? = nil
    ) async throws -> Value {
        let bytes = try await result(of: id, on: queue, within: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
        } catch {
            throw StintError(
                .undecodable, "result of \(id)", "it is not a \(type): \(error)", underlying: error)
        }
    }

    /// How far a job is; `nil` = it has not said so, or is not there any more.
    public func progress(of id: JobID, on queue: QueueName) async throws(StintError) -> JobProgress? {
        try await jobs.progress(of: id, on: queue)
    }

    /// The log of a job, the oldest line first. About 1,000 lines are kept, for a day after the last one.
    public func log(of id: JobID, on queue: QueueName) async throws(StintError) -> [JobLogLine] {
        try await jobs.log(of: id, on: queue)
    }

    /// The log of a job, and what is written to it from now on. It ends with the task that reads it, or with the client. What it
    /// cannot do is thrown by its first element.
    public func followLog(of id: JobID, on queue: QueueName) -> JobLog {
        JobLog(
            reader: Result { () throws(StintError) in
                let store = try redis(for: "log of \(id)").store
                return StreamReader(self, "log of \(id)", at: "0-0") { entry, blockMs in
                    store.readLog(id, on: queue, after: entry, blockMs: blockMs)
                } parse: { reply, entry in
                    store.logLines(in: reply, after: &entry)
                }
            })
    }
}

/// The lines of a job's log, as they are written.
public struct JobLog: AsyncSequence, Sendable {
    let reader: Result<StreamReader<String, JobLogLine>, StintError>

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    public struct Iterator: AsyncIteratorProtocol {
        let reader: Result<StreamReader<String, JobLogLine>, StintError>

        public mutating func next() async throws -> JobLogLine? { try await reader.get().next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> JobLogLine? {
            try await reader.get().next()
        }
    }
}
