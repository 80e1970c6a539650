import Synchronization

/// The identity of a job in its queue. The same id is accepted once.
///
/// Minted ids are 22 characters of Crockford's base 32: 45 bits of milliseconds since 1970, then 65 random bits that count
/// up inside a millisecond. So they sort by the time of their making, and 22 characters fit the 24-byte allocation of a
/// Redis string. Users' own ids are 1 to 128 printable ASCII characters.
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

/// Makes job ids that rise, also inside one millisecond and when the wall clock goes back.
package final class JobIDMinter: Sendable {
    private struct Last {
        var millisecond: UInt64 = 0
        // Random from the start: a machine whose clock stands at 1970 never gets to the draw of the first millisecond.
        var random = (high: UInt8(0), low: UInt64.random(in: 0...UInt64.max))
    }

    private let last = Mutex(Last())

    package init() {}

    package func mint(atMs nowMs: Int64) -> JobID {
        mint(1, atMs: nowMs)[0]
    }

    package func mint(_ count: Int, atMs nowMs: Int64) -> [JobID] {
        last.withLock { last in
            let millisecond = UInt64(max(0, nowMs)) & (1 << 45 - 1)
            if millisecond > last.millisecond {
                last.millisecond = millisecond
                // The top bit stays free, so that counting up inside the millisecond cannot overflow.
                last.random = (high: 0, low: UInt64.random(in: 0...UInt64.max))
            }
            return (0..<count).map { _ in
                let (low, overflow) = last.random.low.addingReportingOverflow(1)
                last.random.low = low
                if overflow { last.random.high += 1 }
                return JobID(unchecked: Base32.encode(millisecond: last.millisecond, random: last.random))
            }
        }
    }
}

enum Base32 {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// 45 bits + 65 bits = 110 bits = 22 characters.
    static func encode(millisecond: UInt64, random: (high: UInt8, low: UInt64)) -> String {
        String(unsafeUninitializedCapacity: 22) { buffer in
            for index in 0..<9 {
                buffer[index] = alphabet[Int(millisecond >> UInt64(5 * (8 - index))) & 31]
            }
            // The first random character holds the 65th bit and the top four of the low word.
            buffer[9] = alphabet[Int(random.high & 1) << 4 | Int(random.low >> 60)]
            for index in 10..<22 {
                buffer[index] = alphabet[Int(truncatingIfNeeded: random.low >> UInt64(5 * (21 - index))) & 31]
            }
            return 22
        }
    }

    /// 65 random bits as 13 characters: the nonce of a consumer ID.
    static func nonce() -> String {
        String(
            encode(millisecond: 0, random: (high: .random(in: 0...1), low: .random(in: 0...UInt64.max))).dropFirst(9))
    }
}
