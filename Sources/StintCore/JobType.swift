/// The name of a kind of job, by which nodes choose the handler. Matches `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
public struct JobType: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let rawValue: String

    /// - Throws: ``StintError`` with code `invalidArgument` and the reason.
    public init(_ rawValue: String) throws(StintError) {
        self.rawValue = try Name.checked(rawValue, "job type")
    }

    /// A literal is the programmer's own: a wrong one stops the program.
    public init(stringLiteral value: String) {
        do {
            try self.init(value)
        } catch {
            preconditionFailure(error.description)
        }
    }

    public var description: String { rawValue }

    /// The type of jobs that nobody gave one, as `stint enqueue` without `--type`.
    public static let plain: JobType = "job"
}
