import CRESP
import NIOCore
import Testing

@testable import StintRedis

/// Bytes in, replies out, without a socket.
struct ReplyReaderTests {
    /// A reply with everything in it: all types, nested and empty arrays, empty and binary strings.
    private static let everything =
        "*9\r\n+OK\r\n-ERR no\r\n:-42\r\n$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n*1\r\n:1\r\n$8\r\na\r\nb\r\n*1\r\n"

    private func read(_ text: String, maxElements: Int = 1000, maxBytes: Int = 10_000) throws -> [RedisReply] {
        var replies: [RedisReply] = []
        try ReplyReader(maxElements: maxElements, maxBytes: maxBytes).read(ByteBuffer(string: text)) {
            replies.append($0)
        }
        return replies
    }

    private func checkEverything(_ reply: RedisReply) {
        #expect(reply.kind == .array)
        #expect(reply.count == 9)
        let kinds: [RedisReply.Kind] = [.status, .error, .integer, .bulk, .bulk, .null, .null, .array, .array]
        #expect(reply.children.map(\.kind) == kinds)
        #expect(reply[0].string == "OK")
        #expect(reply[1].string == "ERR no")
        #expect(reply[2].integer == -42)
        #expect(reply[3].string == "hello")
        #expect(reply[4].bytes == ByteBuffer())
        #expect(reply[7].count == 0)
        #expect(reply[8].count == 2)
        #expect(reply[8][0][0].integer == 1)
        #expect(reply[8][1].string == "a\r\nb\r\n*1")
    }

    @Test func `every type and nesting is read`() throws {
        let replies = try read(Self.everything)
        #expect(replies.count == 1)
        checkEverything(replies[0])
    }

    @Test func `a reply cut at any byte is read when the rest comes`() throws {
        let bytes = ByteBuffer(string: Self.everything + Self.everything)
        for cut in 1..<bytes.readableBytes {
            let reader = ReplyReader(maxElements: 1000, maxBytes: 10_000)
            var replies: [RedisReply] = []
            try reader.read(bytes.getSlice(at: 0, length: cut)!) { replies.append($0) }
            #expect(replies.count == (cut >= bytes.readableBytes / 2 ? 1 : 0))
            try reader.read(bytes.getSlice(at: cut, length: bytes.readableBytes - cut)!) { replies.append($0) }
            #expect(replies.count == 2)
            replies.forEach(checkEverything)
        }
    }

    @Test func `a reply that comes byte by byte is read`() throws {
        let reader = ReplyReader(maxElements: 1000, maxBytes: 10_000)
        var replies: [RedisReply] = []
        for byte in Self.everything.utf8 { try reader.read(ByteBuffer(bytes: [byte])) { replies.append($0) } }
        #expect(replies.count == 1)
        replies.forEach(checkEverything)
    }

    @Test func `replies stay what they are when the reader goes on`() throws {
        let replies = try read("$20\r\nfirst first first 20\r\n*2\r\n:1\r\n$20\r\nother other other 20\r\n+OK\r\n")
        #expect(replies.map(\.string) == ["first first first 20", nil, "OK"])
        #expect(replies[1][1].string == "other other other 20")
    }

    @Test func `strings of one reply share one buffer`() throws {
        let reply = try read("*2\r\n$10\r\naaaaaaaaaa\r\n$10\r\nbbbbbbbbbb\r\n")[0]
        let addresses = reply.children.map { child in
            child.bytes!.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        }
        #expect(addresses[1] - addresses[0] == 10)
    }

    @Test func `a number is read from a bulk string only when Redis would print it so`() throws {
        let cases: [(String, Int64?)] = [
            ("0", 0), ("-1", -1), ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("", nil), ("-", nil), ("01", nil), ("-0", nil), ("+1", nil), (" 1", nil),
            ("1x", nil), ("99999999999999999999", nil), ("1.0", nil),
        ]
        for (text, number) in cases {
            #expect(try read("$\(text.utf8.count)\r\n\(text)\r\n")[0].integer == number, "\(text)")
        }
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n", "?\r\n", ":12x\r\n", ":\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", "*x\r\n",
        "$3\r\nabcd\r\n", "*1\r\n%1\r\n", "~1\r\n:1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", ">1\r\n:1\r\n",
        "$99999999999999999999\r\n", "*99999999999999999999\r\n",
    ])
    func `what is not RESP2 is refused`(_ text: String) {
        #expect(throws: RedisError.self) { try read(text) }
    }

    @Test(arguments: ["", "*", "*1\r\n", "$5\r\nhel", ":1", "+OK\r", "*2\r\n:1\r\n"])
    func `what is not finished is waited for`(_ text: String) throws {
        #expect(try read(text).isEmpty)
    }

    @Test func `a failure is final`() {
        let reader = ReplyReader(maxElements: 10, maxBytes: 1000)
        #expect(throws: RedisError.self) { try reader.read(ByteBuffer(string: "?\r\n")) { _ in } }
        #expect(throws: RedisError.self) { try reader.read(ByteBuffer(string: "+OK\r\n")) { _ in } }
    }

    @Test(arguments: ["*2147483647\r\n", "*1001\r\n", "*999\r\n*2\r\n", "*500\r\n*300\r\n*300\r\n"])
    func `an array that announces too much is refused before it takes memory`(_ text: String) {
        let reader = ReplyReader(maxElements: 1000, maxBytes: 10_000)
        #expect(throws: RedisError.self) { try reader.read(ByteBuffer(string: text)) { _ in } }
        #expect(reader.memory < 10_000)
    }

    @Test func `an array of exactly the allowed size is read`() throws {
        let reply = try read("*999\r\n" + String(repeating: ":1\r\n", count: 999))
        #expect(reply[0].count == 999)
    }

    @Test(arguments: ["$10001\r\n", "$536870912000\r\n", "$9223372036854775807\r\n", "*2\r\n$9000\r\n"])
    func `a string that announces too much is refused at its header`(_ text: String) {
        let first = "$9000\r\n" + String(repeating: "x", count: 9000) + "\r\n"
        let text = text.hasSuffix("*2\r\n$9000\r\n") ? "*2\r\n\(first)\(first)" : text
        #expect(throws: RedisError.self) { try read(text) }
    }

    @Test func `a line that never ends is refused`() {
        let reader = ReplyReader(maxElements: 10, maxBytes: 100 << 20)
        let chunk = ByteBuffer(string: "+" + String(repeating: "x", count: 2 << 20))
        #expect(throws: RedisError.self) { try reader.read(chunk) { _ in } }
        let number = ReplyReader(maxElements: 10, maxBytes: 100 << 20)
        #expect(throws: RedisError.self) {
            try number.read(ByteBuffer(string: "$" + String(repeating: "1", count: 64))) { _ in }
        }
    }

    @Test func `eight arrays inside each other are read, and nine refused`() throws {
        #expect(try read(String(repeating: "*1\r\n", count: 8) + ":1\r\n").count == 1)
        #expect(throws: RedisError.self) { try read(String(repeating: "*1\r\n", count: 9) + ":1\r\n") }
    }

    @Test func `memory of a large reply is given back`() throws {
        let reader = ReplyReader(maxElements: 1 << 20, maxBytes: 100 << 20)
        let large = "*100000\r\n" + String(repeating: "$20\r\nxxxxxxxxxxxxxxxxxxxx\r\n", count: 100_000)
        try reader.read(ByteBuffer(string: large)) { #expect($0.count == 100_000) }
        try reader.read(ByteBuffer(string: ":1\r\n")) { _ in }
        #expect(reader.memory < 10_000)
    }

    @Test func `the kinds of C and of Swift are the same`() {
        #expect(RedisReply.Kind.status.rawValue == UInt8(CRESP_STATUS))
        #expect(RedisReply.Kind.error.rawValue == UInt8(CRESP_ERROR))
        #expect(RedisReply.Kind.integer.rawValue == UInt8(CRESP_INTEGER))
        #expect(RedisReply.Kind.bulk.rawValue == UInt8(CRESP_BULK))
        #expect(RedisReply.Kind.null.rawValue == UInt8(CRESP_NULL))
        #expect(RedisReply.Kind.array.rawValue == UInt8(CRESP_ARRAY))
    }
}
