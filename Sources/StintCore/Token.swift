/// A fencing token: rises with every claim of a queue, so that of two holders of a job the later one has the higher token.
///
/// Give it to what the handler writes to (`… WHERE fence < ?`): a holder that comes too late is refused there too.
public struct Token: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// max(the queue's last token + 1, the Redis server's time in microseconds).
    public let rawValue: Int64

    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    public var description: String { String(rawValue) }

    public static func < (left: Token, right: Token) -> Bool { left.rawValue < right.rawValue }
}
