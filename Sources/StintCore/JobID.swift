import Synchronization

/// The identity of a job in its queue. The same id is accepted once.
///
/// Minted ids are 14 characters of ``Base64Rising``: 35 bits of time since 1970 in eighths of a second, then 49 bits that
/// begin at random in every process and count up. So they sort by the time of their making, and 14 characters fit the
/// smallest allocation of a Redis string, 16 bytes, in every key that holds them.
///
/// Users' own ids are 1 to 128 printable ASCII characters.
public struct JobID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: String

    /// - Throws: ``StintError`` with code `invalidArgument` and the reason.
    public init(_ rawValue: String) throws(StintError) {
        guard (1...128).contains(rawValue.utf8.count), rawValue.utf8.allSatisfy(Name.isPrintable) else {
            throw .invalidArgument(
                "job id",
                "\(Name.quoted(rawValue)) is not a job id",
                advice: "Use 1 to 128 printable ASCII characters without spaces."
            )
        }
        self.rawValue = rawValue
    }

    /// An id that this package made, or that the store has accepted before.
    package init(unchecked rawValue: String) {
        self.rawValue = rawValue
    }

    public var description: String { rawValue }

    public static func < (left: JobID, right: JobID) -> Bool { left.rawValue < right.rawValue }
}

/// Makes job ids that rise, also when the wall clock goes back.
///
/// Two processes make the same id only if, within one eighth of a second, their counters stand within each other's reach:
/// two that mint 10,000 ids each in that time do so with a probability of 1 in 14 billion. The counters run on and are
/// not drawn again, so that is once for a pair that mints equally fast, and not in each eighth of a second.
package final class JobIDMinter: Sendable {
    private struct Last {
        var tick: UInt64 = 0
        // The top bit stays free, so that counting up never overflows into the time.
        var counter = UInt64.random(in: 0..<1 << 48)
    }

    private let last = Mutex(Last())

    package init() {}

    package func mint(atMs nowMs: Int64) -> JobID {
        mint(1, atMs: nowMs)[0]
    }

    package func mint(_ count: Int, atMs nowMs: Int64) -> [JobID] {
        last.withLock { last in
            last.tick = max(last.tick, UInt64(max(0, nowMs)) / 125 & (1 << 35 - 1))
            return (0..<count).map { _ in
                last.counter += 1
                return JobID(unchecked: Base64Rising.encode(high: last.tick, low: last.counter))
            }
        }
    }
}

/// Six bits a character, in an alphabet whose bytes rise, so that what is encoded sorts as the numbers do.
enum Base64Rising {
    private static let alphabet = Array("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz".utf8)

    /// 35 high bits + 49 low bits = 84 bits = 14 characters.
    static func encode(high: UInt64, low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 14) { buffer in
            for index in 0..<5 {
                buffer[index] = alphabet[Int(truncatingIfNeeded: high >> UInt64(29 - 6 * index)) & 63]
            }
            // The sixth character holds the last five bits of the time and the first of the counter.
            buffer[5] = alphabet[Int(truncatingIfNeeded: high << 1 | low >> 48) & 63]
            for index in 6..<14 {
                buffer[index] = alphabet[Int(truncatingIfNeeded: low >> UInt64(6 * (13 - index))) & 63]
            }
            return 14
        }
    }
}

/// The nonce of a consumer ID: 65 random bits as 13 characters of Crockford's base 32.
enum Nonce {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    static func draw() -> String {
        String(decoding: (0..<13).map { _ in alphabet[.random(in: 0..<32)] }, as: UTF8.self)
    }
}
