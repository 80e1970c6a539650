public import NIOCore
public import StintCore

/// What turns payloads into the bytes that are stored, and back: encryption, compression.
///
/// A client takes one, and the nodes that use the client take the same. Jobs whose payload was encoded say so, so that a
/// node without the codec hands them back instead of reading bytes that are none. What such a job leaves in Redis besides, its
/// result, its checkpoint and what its steps come to, is encoded by it, too. Concurrent calls come from many tasks.
public protocol PayloadCodec: Sendable {
    /// Whether nodes bury jobs whose payload was not encoded at all. Default false: such jobs run, as those that were
    /// enqueued before there was a codec.
    var refusesPlain: Bool { get }

    /// Called once for every job on its way in, after all middleware; and for what a job whose payload was encoded leaves besides
    /// (``PayloadOwner/part``).
    ///
    /// - Returns: `nil` = the payload is stored as it is.
    /// - Throws: whatever it likes. The job is not sent, and its enqueue fails: with a ``StintError`` as it is, with any other
    ///   error as the cause of a ``StintError`` with code `hookFailed`. Of a result: the run has failed.
    func encode(_ payload: ByteBuffer, of job: PayloadOwner) async throws -> EncodedPayload?

    /// Called for every run of a job whose payload was encoded, before its handler; and for other parts when they are asked for.
    ///
    /// - Throws: ``StintError`` with code `keyMissing`: the job is handed back for 30 s, and no attempt is counted; with
    ///   `tampered`: the job is buried. Every other error is treated as one of the handler: ``JobOutcome/snooze(_:)`` hands
    ///   the job back, ``JobOutcome/reject(reason:)`` buries it, anything else follows the job's retry policy.
    func decode(_ payload: EncodedPayload, of job: PayloadOwner) async throws -> ByteBuffer
}

extension PayloadCodec {
    public var refusesPlain: Bool { false }
}

/// Whose payload it is: what an encoded payload can be bound to, because it is the same for the whole life of a job.
public struct PayloadOwner: Hashable, Sendable {
    /// Which of the things that a job has in Redis. There may be more.
    public enum Part: Hashable, Sendable {
        case payload
        /// What the job has to show for it: kept for longer than the job.
        case result
        /// What a run has left for the next one.
        case checkpoint
        /// What the step of this name has come to.
        case step(String)
    }

    public let queue: QueueName
    /// The job's id. Of a job that was enqueued with a unique key and ``UniqueConflict/replace``, whose payload may come to stand
    /// under the id of another job with that key, `unique ` and a digest of the key: no job has such an id.
    public let id: JobID
    public let type: JobType
    public let part: Part

    public init(queue: QueueName, id: JobID, type: JobType, part: Part = .payload) {
        self.queue = queue
        self.id = id
        self.type = type
        self.part = part
    }

    /// Whose payload a job's is, by what its record says.
    package init(queue: QueueName, id: JobID, header: JobHeader) {
        let stand = header.sealedKey.map { JobID(unchecked: "unique " + $0) }
        self.init(queue: queue, id: stand ?? id, type: header.type)
    }
}

/// A payload as it is stored.
public struct EncodedPayload: Sendable {
    public let bytes: ByteBuffer
    /// Which codec, with which key or version, made the bytes: 1 to 100 printable ASCII characters without spaces and
    /// semicolons. Stored in the open beside them, shown to people, and given back for decoding.
    public let codec: String

    public init(_ bytes: ByteBuffer, codec: String) {
        self.bytes = bytes
        self.codec = codec
    }
}
