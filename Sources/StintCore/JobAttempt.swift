/// One run of a job that did not end in an ack.
public struct JobAttempt: Hashable, Sendable {
    /// How it ended. More kinds may be added: always have a default.
    public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        /// The handler threw.
        public static let failed = Kind(rawValue: "failed")
        /// It ran for longer than it may.
        public static let timedOut = Kind(rawValue: "timedout")
        /// The handler said that the job is never to be tried again.
        public static let rejected = Kind(rawValue: "rejected")
        /// It stopped because somebody had cancelled the job.
        public static let cancelled = Kind(rawValue: "cancelled")
        /// Its lease ran out: the node died, froze or was cut off.
        public static let lapsed = Kind(rawValue: "lapsed")

        public var description: String { rawValue }
    }

    /// So many are kept of a job, the last ones; and so many bytes of each error.
    package static let kept = 10
    package static let errorBytes = 300

    public let kind: Kind
    /// When it ended, in ms since 1970 on the server's clock.
    public let atMs: Int64
    public let token: Token
    /// Who ran it: the consumer ID of a node.
    public let consumer: String
    /// What was said of it, cut to 300 bytes.
    public let error: String

    package init(_ kind: Kind, atMs: Int64, token: Token, consumer: String, error: String) {
        self.kind = kind
        self.atMs = atMs
        self.token = token
        self.consumer = consumer
        self.error = String(decoding: error.utf8.prefix(Self.errorBytes), as: UTF8.self)
    }

    /// Reads the lines of a job's history. What is no line of one is passed over.
    package static func decode(_ text: String) -> [JobAttempt] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
            guard parts.count == 5, let atMs = Int64(parts[1]), let token = Int64(parts[2]) else { return nil }
            return JobAttempt(
                Kind(rawValue: String(parts[0])), atMs: atMs, token: Token(rawValue: token),
                consumer: String(parts[3]), error: unescaped(parts[4]))
        }
    }

    private static func unescaped(_ text: Substring) -> String {
        var plain = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                plain.unicodeScalars.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                plain.unicodeScalars.append(character)
            }
        }
        return plain
    }
}
