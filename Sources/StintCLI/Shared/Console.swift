import Foundation
import Synchronization

/// Who read our standard output has gone.
struct BrokenPipe: Error {}

/// Standard output and standard error. Every write is whole: lines of concurrent jobs do not mix.
enum Console {
    static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
    static let isErrorTerminal = isatty(STDERR_FILENO) == 1
    static let isInputTerminal = isatty(STDIN_FILENO) == 1

    private static let output = Mutex(())
    private static let errors = Mutex(())

    /// A reader that goes away is then an error of the write, with a chance to put things in order.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Writes to standard output.
    static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    static func write(_ bytes: UnsafeRawBufferPointer) throws {
        let number = output.withLock { _ in writeAll(bytes, to: STDOUT_FILENO) }
        if number == EPIPE { throw BrokenPipe() }
        if number != 0 {
            throw CommandError(.failure, "cannot write to standard output: \(String(cString: strerror(number)))")
        }
    }

    /// A line on standard error. It cannot fail: there is nobody left to tell.
    ///
    /// - Parameter isOneLine: line ends inside the text are shown as control characters.
    static func note(_ text: String, isOneLine: Bool = true) {
        writeError(Printable.clean(text, keepingLines: !isOneLine) + "\n")
    }

    static func writeError(_ text: String) {
        var text = text
        text.withUTF8 { writeError(UnsafeRawBufferPointer($0)) }
    }

    static func writeError(_ bytes: UnsafeRawBufferPointer) {
        _ = errors.withLock { _ in writeAll(bytes, to: STDERR_FILENO) }
    }

    /// Asks on the terminal. Where nobody can answer, it is an error that names the way around it.
    static func confirm(_ question: String) throws {
        guard isInputTerminal, isErrorTerminal else {
            throw CommandError(
                .failure, "\(question) Nobody can be asked here", advice: "Say --yes to do it without a question.")
        }
        writeError(Printable.clean(question) + " [y/N] ")
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            throw CommandError(.failure, "nothing was changed")
        }
    }

    /// The width of the terminal on standard output; 0 = unknown.
    static var columns: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
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
