package import Logging
package import NIOCore
package import StintCore
package import StintStore

/// What a node does with encoded payloads: decodes them, or says what becomes of jobs whose payload it cannot have.
package struct PayloadDecoder: Sendable {
    /// How long a job is left to nodes that have its key, or until this one has it: keys reach nodes by deployments, not in
    /// seconds.
    static let missingKeyDelay = Duration.seconds(30)

    private let codec: (any PayloadCodec)?
    private let refusesPlain: Bool

    package init(_ codec: (any PayloadCodec)?) {
        self.codec = codec
        self.refusesPlain = codec?.refusesPlain ?? false
    }

    /// False for nearly every job: its payload is what it is.
    package func concerns(_ job: ClaimedJob) -> Bool { job.header.codec != nil || refusesPlain }

    /// What settles a job for which a key is missing. Never a failure: a key that one node lacks must not use up the tries of a
    /// job that others could run.
    static func keyMissing(_ error: StintError, _ job: ClaimedJob, _ queue: QueueName, _ logger: Logger) -> JobOutcome {
        logger.warning(
            "payload cannot be decoded here, job handed back",
            metadata: ["job": "\(job.id)", "queue": "\(queue)", "reason": "\(error.message)"])
        return .snooze(missingKeyDelay)
    }

    /// - Throws: what settles the job as an error of its handler would.
    package func decode(_ job: ClaimedJob, on queue: QueueName, _ logger: Logger) async throws -> ByteBuffer {
        guard let name = job.header.codec else {
            throw JobOutcome.reject(reason: "the payload is not encoded, and the codec of this node refuses such jobs")
        }
        do {
            guard let codec else {
                throw StintError(
                    .keyMissing, "run \(job.id)", "the payload is encoded by \(name), this node has no codec")
            }
            let owner = PayloadOwner(queue: queue, id: job.id, header: job.header)
            return try await codec.decode(EncodedPayload(job.payload, codec: name), of: owner)
        } catch let error as StintError where error.code == .keyMissing {
            throw Self.keyMissing(error, job, queue, logger)
        } catch let error as StintError where error.code == .tampered {
            logger.error(
                "payload is not what was enqueued, job buried",
                metadata: ["job": "\(job.id)", "queue": "\(queue)", "codec": "\(name)", "reason": "\(error.message)"])
            throw JobOutcome.reject(reason: error.message)
        }
    }
}
