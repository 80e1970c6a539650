package import NIOCore

/// One command, encoded while it is built: every argument goes straight into one buffer as a RESP bulk string. The
/// header, which counts the arguments, is written in front when the command is sent.
///
///     var command = RedisCommand("HSET")
///     command.append(key)
///     command.append(1_700_000_000_000)
///     let reply = try await client.send(command)
package struct RedisCommand: Sendable {
    /// Strings after the name.
    package private(set) var argumentCount = 0

    /// What errors call the command instead of the name in `body`; scripts have names that say more than EVALSHA.
    var label: String?

    /// Name and arguments as bulk strings, without the array header.
    private(set) var body: ByteBuffer

    /// `bytes` is what the arguments are expected to need; more is found when it is needed.
    package init(_ name: StaticString, reserving bytes: Int = 128) {
        body = ByteBufferAllocator().buffer(capacity: bytes + name.utf8CodeUnitCount + Self.overhead)
        name.withUTF8Buffer { writeString(UnsafeRawBufferPointer($0)) }
    }

    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { writeString(UnsafeRawBufferPointer($0)) }
        argumentCount += 1
    }

    package mutating func append(_ text: Substring) {
        var text = text
        text.withUTF8 { writeString(UnsafeRawBufferPointer($0)) }
        argumentCount += 1
    }

    package mutating func append(_ number: Int) {
        append(Int64(number))
    }

    package mutating func append(_ number: Int64) {
        let magnitude = number.magnitude
        let length = Decimal.digits(in: magnitude) + (number < 0 ? 1 : 0)
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: length + Self.overhead) { room in
            var at = Self.writeLength(length, room)
            if number < 0 { room[at] = UInt8(ascii: "-") }
            at += length
            Decimal.write(magnitude, endingAt: at, room)
            return Self.writeNewline(room, at)
        }
        argumentCount += 1
    }

    package mutating func append(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { writeString($0) }
        argumentCount += 1
    }

    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { writeString($0) }
        argumentCount += 1
    }

    /// Appends one argument that consists of two parts, without joining them first.
    package mutating func append(_ head: String, then tail: ByteBuffer) {
        var head = head
        let length = head.utf8.count + tail.readableBytes
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.overhead) { Self.writeLength(length, $0) }
        head.withUTF8 { _ = body.writeBytes($0) }
        body.writeImmutableBuffer(tail)
        body.writeStaticString("\r\n")
        argumentCount += 1
    }

    package mutating func append(contentsOf texts: [String]) {
        for text in texts { append(text) }
    }

    /// Appends the arguments of `other` that start at `offset` of its body, as they are.
    mutating func splice(_ other: RedisCommand, from offset: Int, count: Int) {
        if let slice = other.body.getSlice(at: offset, length: other.body.readableBytes - offset) {
            body.writeImmutableBuffer(slice)
        }
        argumentCount += count
    }

    // "$", 20 digits and two line ends.
    private static let overhead = 25

    private mutating func writeString(_ bytes: UnsafeRawBufferPointer) {
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count + Self.overhead) { room in
            let at = Self.writeLength(bytes.count, room)
            if let source = bytes.baseAddress, let target = room.baseAddress {
                (target + at).copyMemory(from: source, byteCount: bytes.count)
            }
            return Self.writeNewline(room, at + bytes.count)
        }
    }

    private static func writeLength(_ length: Int, _ room: UnsafeMutableRawBufferPointer) -> Int {
        room[0] = UInt8(ascii: "$")
        let end = 1 + Decimal.digits(in: UInt64(length))
        Decimal.write(UInt64(length), endingAt: end, room)
        return writeNewline(room, end)
    }

    private static func writeNewline(_ room: UnsafeMutableRawBufferPointer, _ at: Int) -> Int {
        room[at] = UInt8(ascii: "\r")
        room[at + 1] = UInt8(ascii: "\n")
        return at + 2
    }
}

extension RedisCommand {
    /// Room for any header.
    static let headerCapacity = 24

    func writeHeader(into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.headerCapacity) { room in
            let end = Self.writeLength(argumentCount + 1, room)
            room[0] = UInt8(ascii: "*")
            return end
        }
    }

    /// The command as it goes over the wire.
    package var encoded: ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: body.readableBytes + Self.headerCapacity)
        writeHeader(into: &buffer)
        buffer.writeImmutableBuffer(body)
        return buffer
    }

    /// What errors say was tried: the name (of the script, if it is one) and the key. Only commands that are known to
    /// start with a key show their first argument; of any other it may be a password or a payload.
    var operation: String {
        let arguments = strings(upTo: 4)
        let name = arguments[0].uppercased()
        switch name {
        case "EVAL", "EVALSHA":
            let key = arguments.count > 3 && arguments[2] != "0" ? " \(arguments[3])" : ""
            return (label ?? name) + key
        case _ where Self.keyed.contains(name) && arguments.count > 1:
            return "\(name) \(arguments[1])"
        default:
            return label ?? name
        }
    }

    private static let keyed: Set<String> = [
        "BLPOP", "BRPOP", "BZPOPMIN", "DECR", "DEL", "EXISTS", "EXPIRE", "GET", "HDEL", "HGET", "HGETALL", "HINCRBY",
        "HLEN",
        "HMGET", "HSCAN", "HSET", "INCR", "INCRBY", "LLEN", "LPOP", "LPUSH", "LRANGE", "MGET", "PEXPIRE", "PTTL",
        "RPOP",
        "RPUSH", "SADD", "SCARD", "SET", "SISMEMBER", "SMEMBERS", "SREM", "SSCAN", "STRLEN", "TTL", "TYPE", "UNLINK",
        "XADD",
        "XLEN", "XRANGE", "XREVRANGE", "XTRIM", "ZADD", "ZCARD", "ZCOUNT", "ZRANGE", "ZRANGEBYSCORE", "ZREM", "ZSCAN",
        "ZSCORE",
    ]

    /// The first strings, each cut at 200 bytes: an error is no place for more.
    private func strings(upTo limit: Int) -> [String] {
        var found: [String] = []
        var rest = body
        while found.count < limit, rest.readInteger(as: UInt8.self) == UInt8(ascii: "$") {
            var length = 0
            while let digit = rest.readInteger(as: UInt8.self), digit != UInt8(ascii: "\r") {
                length = length * 10 + Int(digit - UInt8(ascii: "0"))
            }
            rest.moveReaderIndex(forwardBy: 1)
            found.append(rest.getString(at: rest.readerIndex, length: min(length, 200)) ?? "")
            rest.moveReaderIndex(forwardBy: length + 2)
        }
        return found
    }
}

/// Decimal digits without a `String`.
enum Decimal {
    static func digits(in number: UInt64) -> Int {
        var count = 1
        var bound: UInt64 = 10
        while number >= bound {
            count += 1
            if count == 20 { break }
            bound *= 10
        }
        return count
    }

    /// Writes `number` so that its last digit is the byte before `end`.
    static func write(_ number: UInt64, endingAt end: Int, _ room: UnsafeMutableRawBufferPointer) {
        var rest = number
        var at = end
        repeat {
            at -= 1
            room[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
    }

    /// The number that `bytes` are the shortest decimal form of, as Redis reads them.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        guard let first = bytes.first, bytes.count <= 20 else { return nil }
        let negative = first == UInt8(ascii: "-")
        let digits = negative ? bytes.dropFirst() : bytes[...]
        if digits.isEmpty || (digits.first == UInt8(ascii: "0") && bytes.count > 1) { return nil }
        var magnitude: UInt64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            magnitude = sum
        }
        if !negative { return Int64(exactly: magnitude) }
        return magnitude == Int64.min.magnitude ? .min : Int64(exactly: magnitude).map { -$0 }
    }
}
