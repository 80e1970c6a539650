import Foundation
import StintCore
import StintLocal
import StintRedis
import StintStore

/// What `stint` says to who started it. Part of what scripts may rely on: values do not change.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case failure = 1
    case dead = 3
    case cancelled = 4
    case notEnded = 5
    case usage = 64
    case badData = 65
    case unavailable = 69
    case noPermission = 77
    case interrupted = 130
    case brokenPipe = 141
    case terminated = 143

    private var meaning: String {
        switch self {
        case .success: "done; also what was done before, as an id that exists already"
        case .failure: "not found, refused, or done in part: the message says what"
        case .dead: "the job that was waited for is dead"
        case .cancelled: "the job that was waited for was cancelled"
        case .notEnded: "the job that was waited for has not come to its end in time"
        case .usage: "the command line is wrong"
        case .badData: "a line of the input is not a job; those before it were accepted"
        case .unavailable: "Redis cannot be reached, does not answer, or is full: try again later"
        case .noPermission: "Redis refuses the password, or the user may not do this"
        case .interrupted: "cut short by Ctrl-C"
        case .brokenPipe: "who reads the output has gone away"
        case .terminated: "cut short by SIGTERM; by a repeated one where the first stops gently"
        }
    }

    static var table: String {
        allCases.map { status in
            let number = String(status.rawValue)
            return "  " + String(repeating: " ", count: 3 - number.count) + number + "  " + status.meaning
        }.joined(separator: "\n")
    }

    func exit() -> Never {
        Console.flush()
        Foundation.exit(rawValue)
    }
}

/// An error for the person at the terminal: what was done, what went wrong, what to do about it. One line.
struct CommandError: Error, CustomStringConvertible {
    let status: ExitStatus
    let message: String
    let advice: String

    init(_ status: ExitStatus, _ message: String, advice: String = "") {
        self.status = status
        self.message = message
        self.advice = advice
    }

    /// Ends the command with this status and without a word.
    static func silent(_ status: ExitStatus) -> CommandError { CommandError(status, "") }

    /// `nil` = an error of the argument parser, which has words of its own.
    init?(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case is BrokenPipe: self = .silent(.brokenPipe)
        case let error as StintError:
            self.init(Self.status(of: error), "\(error.operation): \(error.message)", advice: Self.advice(for: error))
        case let error as RedisError: self.init(StintError(error, doing: error.operation))
        case let error as LocalRedisError: self.init(.unavailable, error.message)
        default: return nil
        }
    }

    private static func advice(for error: StintError) -> String {
        guard (error.underlying as? RedisError)?.code == .tls else { return error.advice }
        return error.advice + ". --tls-ca says who may sign, --tls-cert and --tls-key who we are."
    }

    private static func status(of error: StintError) -> ExitStatus {
        if let redis = error.underlying as? RedisError {
            if [.noAuth, .wrongPass, .noPermission].contains(redis.code) { return .noPermission }
            if redis.code == .tls { return .unavailable }
        }
        return switch error.code {
        case .invalidArgument: .usage
        case .unavailable, .unconfirmed, .queueFull, .closed: .unavailable
        default: .failure
        }
    }

    var description: String {
        var text = message
        if !advice.isEmpty {
            if !text.hasSuffix(".") { text += "." }
            text += " " + advice
        }
        return text.last.map { ".!?\n".contains($0) } == true ? text : text + "."
    }
}
