/// Why a private server could not be started, asked or stopped. The message is written for the person at the terminal
/// and says what to do.
package struct LocalRedisError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// No `redis-server` (or `valkey-server`) is installed.
        case serverNotFound
        /// The installed server is older than Redis 7.0.
        case serverTooOld
        /// The state directory cannot be created, written, or trusted.
        case directoryUnusable
        /// The disk of the state directory is full.
        case diskFull
        /// The server exited while it was starting.
        case startFailed
        /// The server runs, but did not answer in time.
        case notAnswering
        /// The server is not running (any more).
        case notRunning
        /// The server refused to stop.
        case stopFailed
        /// A system call failed for a reason that has no case of its own.
        case system
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
