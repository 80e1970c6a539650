import Crypto
package import NIOCore
package import StintCore
import StintRuntime
package import StintStore

extension StintClient {
    /// The payload of a job as it was enqueued, for people who asked for it.
    ///
    /// - Throws: ``StintError``: `keyMissing`, `tampered`, or `hookFailed` for what else the codec threw.
    package func payload(of job: JobDetail) async throws(StintError) -> ByteBuffer? {
        guard let payload = job.payload, let header = job.header, let name = header.codec else { return job.payload }
        guard let codec else {
            throw StintError(
                .keyMissing, "read the payload of \(job.id)", "it is encoded by \(name), and there is no codec here",
                advice: "Name the file of its key by --payload-keys or STINT_PAYLOAD_KEYS.")
        }
        do {
            let owner = PayloadOwner(queue: job.queue, id: job.id, header: header)
            return try await codec.decode(EncodedPayload(payload, codec: name), of: owner)
        } catch {
            throw EnqueuePipeline.stintError(error, "read the payload of \(job.id)", "the codec refused it")
        }
    }
}

/// What enqueues go through before they are sent: middleware in its order, then the codec. Clients without either have none.
package struct EnqueuePipeline: Sendable {
    package typealias Send = @Sendable ([NewJob]) async throws(StintError) -> [Receipt]

    let middleware: [any EnqueueMiddleware]
    let codec: (any PayloadCodec)?

    init?(_ middleware: [any EnqueueMiddleware], _ codec: (any PayloadCodec)?) {
        if middleware.isEmpty, codec == nil { return nil }
        self.middleware = middleware
        self.codec = codec
    }

    func run(_ jobs: [NewJob], on queue: QueueName, _ send: @escaping Send) async throws(StintError) -> [Receipt] {
        do {
            if middleware.isEmpty { return try await seal(jobs, on: queue, send) }
            return try await step(0, jobs.map(OutgoingJob.init), on: queue, send)
        } catch {
            throw Self.stintError(error, "enqueue \(queue)", "a middleware or the codec refused the job")
        }
    }

    private func step(_ index: Int, _ jobs: [OutgoingJob], on queue: QueueName, _ send: @escaping Send)
        async throws -> [Receipt]
    {
        if index == middleware.count { return try await seal(jobs.map(\.new), on: queue, send) }
        let receipts = try await middleware[index].enqueue(jobs, on: queue) { changed in
            guard changed.count == jobs.count else {
                throw StintError(
                    .invalidArgument, "enqueue \(queue)",
                    "\(type(of: middleware[index])) handed on \(changed.count) jobs of \(jobs.count)",
                    advice: "Hand on every job, or throw.")
            }
            return try await step(index + 1, changed, on: queue, send)
        }
        guard receipts.count == jobs.count else {
            throw StintError(
                .invalidArgument, "enqueue \(queue)",
                "\(type(of: middleware[index])) returned \(receipts.count) receipts for \(jobs.count) jobs",
                advice: "Return what next returned.")
        }
        return receipts
    }

    private func seal(_ jobs: [NewJob], on queue: QueueName, _ send: Send) async throws -> [Receipt] {
        var jobs = jobs
        for index in jobs.indices {
            // What a middleware has made of it has been checked by nobody.
            if !middleware.isEmpty { try jobs[index].validate() }
            if codec != nil { try await encode(&jobs[index], on: queue) }
        }
        return try await send(jobs)
    }

    /// The payload as it is to be stored, and the header that says so.
    package func encode(_ job: inout NewJob, on queue: QueueName) async throws {
        guard let codec else { return }
        var header = job.header
        if let unique = job.unique, unique.conflict == .replace { header.sealedKey = Self.digest(unique.key) }
        let owner = PayloadOwner(queue: queue, id: job.id, header: header)
        guard let encoded = try await codec.encode(job.payload, of: owner) else { return }
        header.codec = encoded.codec
        (job.payload, job.header) = (encoded.bytes, header)
        try job.validate()
    }

    /// What stands in a header for a unique key, which may be long and is any text: 128 bits of its SHA-256.
    private static func digest(_ key: String) -> String {
        SHA256.hash(data: Array(key.utf8)).prefix(16).map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 1 ? "0" + hex : hex
        }.joined()
    }

    static func stintError(_ error: any Error, _ operation: String, _ message: String) -> StintError {
        error as? StintError ?? StintError(.hookFailed, operation, "\(message): \(error)", underlying: error)
    }
}
