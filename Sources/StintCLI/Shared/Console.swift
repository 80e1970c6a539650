import Foundation
import Synchronization

/// Who read our standard output has gone.
struct BrokenPipe: Error {}

/// Standard output and standard error. Every write is whole: lines of concurrent jobs do not mix.
///
/// What commands print waits for its reader. What they say on standard error does not, as a node's event loop is among
/// those who speak there: see ``BackgroundWriter``.
enum Console {
    static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
    static let isErrorTerminal = isatty(STDERR_FILENO) == 1
    static let isInputTerminal = isatty(STDIN_FILENO) == 1

    private static let outputLock = Mutex(())
    private static let output = BackgroundWriter(
        STDOUT_FILENO, label: "stint.stdout", limitBytes: 0, onLoss: { _, _ in "" }, write: writeOutput)
    private static let errors = BackgroundWriter(STDERR_FILENO, label: "stint.stderr") { lines, loss in
        loss == .full ? "\(Printable.count(lines, "line")) not shown here: nobody was reading\n" : ""
    }

    /// A reader that goes away is then an error of the write, with a chance to put things in order.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Writes to standard output.
    static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    static func write(_ bytes: UnsafeRawBufferPointer) throws {
        try check(writeOutput(bytes))
    }

    /// What a job prints. Its slot waits until that is written, and no thread that others need does.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first; it is written later, or never.
    static func pass(_ bytes: [UInt8]) async throws {
        let number = await output.pass(bytes)
        if number == ECANCELED { throw CancellationError() }
        try check(number)
    }

    /// What a job says on standard error. The slot waits as with ``pass(_:)``.
    static func passError(_ bytes: [UInt8]) async { _ = await errors.pass(bytes) }

    /// Before the end of the process: gives what was said on standard error, and by cancelled jobs, a moment to get out.
    static func flush() {
        errors.flush()
        output.flush()
    }

    private static let writeOutput: @Sendable (UnsafeRawBufferPointer) -> Int32 = { bytes in
        outputLock.withLock { _ in writeAll(bytes, to: STDOUT_FILENO) }
    }

    private static func check(_ number: Int32) throws {
        if number == EPIPE { throw BrokenPipe() }
        if number != 0 {
            throw CommandError(.failure, "cannot write to standard output: \(String(cString: strerror(number)))")
        }
    }

    /// A line on standard error. It never waits, and it cannot fail: there is nobody left to tell.
    ///
    /// - Parameter isOneLine: line ends inside the text are shown as control characters.
    static func note(_ text: String, isOneLine: Bool = true) {
        writeError(Printable.clean(text, keepingLines: !isOneLine) + "\n")
    }

    static func writeError(_ text: String) { errors.add(text) }

    /// Asks on the terminal. Where nobody can answer, it is an error that names the way around it.
    static func confirm(_ question: String) throws {
        guard isInputTerminal, isErrorTerminal else {
            throw CommandError(
                .failure, "\(question) Nobody can be asked here", advice: "Say --yes to do it without a question.")
        }
        writeError(Printable.clean(question) + " [y/N] ")
        errors.flush()
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            throw CommandError(.failure, "nothing was changed")
        }
    }

    /// The width of the terminal on standard output; 0 = unknown.
    static var columns: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
    }

    /// Whether a write would have to wait for the reader.
    static func isBlocked(_ descriptor: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&wanted, 1, 0) == 0
    }

    /// - Returns: 0, or the number of the error.
    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // A descriptor that somebody shares with us and has made non-blocking.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, 1000)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}
