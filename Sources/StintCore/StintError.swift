/// What went wrong, what was being done, and what to do about it.
public struct StintError: Error, Sendable, CustomStringConvertible {
    /// The kinds of errors. More may be added: always have a default.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case invalidArgument, unavailable, unconfirmed, queueFull, refused, leaseLost, payloadTooLarge, stepsFull,
                undecodable, unsupportedServer, malformed, closed, keyMissing, tampered, hookFailed
        }
        private let value: Value

        /// What the caller passed cannot be right. Nothing was sent.
        public static let invalidArgument = Code(value: .invalidArgument)
        /// Redis cannot be reached or does not answer now. Nothing was changed; the same call may succeed later.
        public static let unavailable = Code(value: .unavailable)
        /// The request was sent and the answer never came: it may have taken effect. Repeating it is safe.
        public static let unconfirmed = Code(value: .unconfirmed)
        /// Redis is out of memory: the enqueue was refused as a whole.
        public static let queueFull = Code(value: .queueFull)
        /// Redis refuses for good: rights, password, configuration. Repeating it does not help.
        public static let refused = Code(value: .refused)
        /// The lease on the job is over: another node may be running it.
        public static let leaseLost = Code(value: .leaseLost)
        /// The payload is larger than the limit.
        public static let payloadTooLarge = Code(value: .payloadTooLarge)
        /// The steps of a job, or what they come to, are more than can be noted of one.
        public static let stepsFull = Code(value: .stepsFull)
        /// The payload cannot be read as, or written from, the job's type.
        public static let undecodable = Code(value: .undecodable)
        /// The server is too old, or set up in a way that loses jobs.
        public static let unsupportedServer = Code(value: .unsupportedServer)
        /// A record or a reply has not the form that it should have.
        public static let malformed = Code(value: .malformed)
        /// The client is closed.
        public static let closed = Code(value: .closed)
        /// The payload is encrypted by a key that is not at hand. The job stays as it is.
        public static let keyMissing = Code(value: .keyMissing)
        /// The payload was changed after it had been encrypted, or it is that of another job.
        public static let tampered = Code(value: .tampered)
        /// A middleware or a codec of this program threw: ``StintError/underlying`` is its error.
        public static let hookFailed = Code(value: .hookFailed)

        public var description: String { value.rawValue }
    }

    public let code: Code
    /// What was being done, as "enqueue mail".
    public let operation: String
    public let message: String
    /// What to do about it; empty where nothing can be said.
    public let advice: String
    public let underlying: (any Error)?

    package init(
        _ code: Code, _ operation: String, _ message: String, advice: String = "", underlying: (any Error)? = nil
    ) {
        self.code = code
        self.operation = operation
        self.message = message
        self.advice = advice
        self.underlying = underlying
    }

    package static func invalidArgument(_ operation: String, _ message: String, advice: String = "") -> StintError {
        StintError(.invalidArgument, operation, message, advice: advice)
    }

    public var description: String {
        "\(operation): \(message) (\(code))" + (advice.isEmpty ? "" : ". " + advice)
    }
}
