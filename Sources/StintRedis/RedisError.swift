/// What went wrong between us and Redis, and what to do about it. Never carries a payload or a password.
package struct RedisError: Error, Sendable, CustomStringConvertible {
    /// What a caller can do.
    package enum Disposition: Sendable, Hashable {
        /// The same call may succeed later.
        case tryAgain
        /// The same call may succeed on a new connection, which the client is already making.
        case reconnect
        /// The same call fails again until somebody changes something.
        case final
    }

    // One word instead of a hundred bytes in every result that is passed on.
    private final class Storage: Sendable {
        let code: Code
        let operation: String
        let message: String
        let mayHaveRun: Bool
        let underlying: (any Error)?

        init(code: Code, operation: String, message: String, mayHaveRun: Bool, underlying: (any Error)?) {
            self.code = code
            self.operation = operation
            self.message = message
            self.mayHaveRun = mayHaveRun
            self.underlying = underlying
        }
    }

    private let storage: Storage

    package init(
        _ code: Code,
        operation: String,
        message: String,
        mayHaveRun: Bool = false,
        underlying: (any Error)? = nil
    ) {
        storage = Storage(
            code: code, operation: operation, message: message, mayHaveRun: mayHaveRun, underlying: underlying)
    }

    /// From the text of an error reply, which starts with its kind in capitals.
    package init(reply text: String, operation: String) {
        self.init(Code(reply: text), operation: operation, message: text)
    }

    package var code: Code { storage.code }

    /// Name of the command or script, and its key when it has one.
    package var operation: String { storage.operation }

    /// What Redis or the network said.
    package var message: String { storage.message }

    package var underlying: (any Error)? { storage.underlying }

    /// True when the command had been sent and its reply never came: nobody here knows whether it ran.
    package var mayHaveRun: Bool { storage.mayHaveRun }

    /// What to do about it, in one sentence.
    package var advice: String { code.advice }

    package var disposition: Disposition { code.disposition }

    package var description: String {
        let doubt = mayHaveRun ? " (the command may have run)" : ""
        return "\(operation): \(message) [\(code)]\(doubt). \(advice)"
    }

    /// The same trouble, of another call.
    func during(_ operation: String, mayHaveRun: Bool) -> RedisError {
        RedisError(code, operation: operation, message: message, mayHaveRun: mayHaveRun, underlying: underlying)
    }
}
