/// The name of a queue, checked. The one validator for every entrance.
///
/// Matches `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. Braces would move the cluster hash tag, and what a name may hold reaches
/// keys, terminals and pages: so nothing else is let in.
public struct QueueName: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let rawValue: String

    /// - Throws: ``StintError`` with code `invalidArgument` and the reason.
    public init(_ rawValue: String) throws(StintError) {
        self.rawValue = try Name.checked(rawValue, "queue name")
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

    public static func < (left: QueueName, right: QueueName) -> Bool { left.rawValue < right.rawValue }
}
