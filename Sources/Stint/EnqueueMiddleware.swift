public import NIOCore
public import StintCore
package import StintStore

/// What a client does around every enqueue: adds options, refuses, traces, counts.
///
///     struct Tenants: EnqueueMiddleware {
///         func enqueue(_ jobs: [OutgoingJob], on queue: QueueName, next: EnqueueNext) async throws -> [Receipt] {
///             var jobs = jobs
///             for index in jobs.indices { jobs[index].apply(.priority(tenant.priority)) }
///             return try await next(jobs)
///         }
///     }
public protocol EnqueueMiddleware: Sendable {
    /// Called once for each call of an enqueue, before anything was sent; the first of the list is the outermost, and what
    /// the last hands on is encoded by the client's ``PayloadCodec``. What is changed is checked again.
    ///
    /// Throwing refuses all the jobs: a ``StintError`` goes to the caller as it is, any other error as the cause of a
    /// ``StintError`` with code `hookFailed`.
    ///
    /// - Parameter next: the rest: the next middleware, at last Redis, with its repeats. Call it once, with a job for each.
    /// - Returns: what `next` returned.
    func enqueue(_ jobs: [OutgoingJob], on queue: QueueName, next: EnqueueNext) async throws -> [Receipt]
}

/// The rest of an enqueue, with the jobs that are to be sent.
public typealias EnqueueNext = @Sendable ([OutgoingJob]) async throws -> [Receipt]

/// A job on its way into a queue, as middleware sees it.
public struct OutgoingJob: Sendable, CustomStringConvertible {
    package var new: NewJob

    package init(_ new: NewJob) {
        self.new = new
    }

    public var id: JobID { new.id }
    public var type: JobType { new.header.type }
    public var priority: Int { new.header.priority }
    public var isSensitive: Bool { new.header.isSensitive }
    /// Not encoded yet.
    public var payload: ByteBuffer {
        get { new.payload }
        set { new.payload = newValue }
    }
    /// The trace in which the job is enqueued, for those who run it: a W3C `traceparent`, or what else their tracers agree
    /// on. 1 to 512 printable ASCII characters without spaces and semicolons; stored in the open.
    public var traceContext: String? {
        get { new.header.trace }
        set { new.header.trace = newValue }
    }

    /// As if the option had been given to the enqueue, after those that were.
    public mutating func apply(_ option: EnqueueOption) { option.apply(&new) }

    /// Which job it is. Never its payload.
    public var description: String { "job \(id), type \(type)" }
}
