import NIOCore
import Testing

@testable import StintRedis

struct CommandTests {
    private func text(_ command: RedisCommand) -> String {
        String(buffer: command.encoded)
    }

    @Test func `a command is an array of bulk strings`() {
        var command = RedisCommand("SET")
        command.append("schlüssel")
        command.append(-120)
        command.append(Int64.min)
        command.append(ByteBuffer(bytes: [0, 13, 10]))
        command.append([UInt8(ascii: "x")])
        command.append("substring".dropFirst(3))
        command.append(contentsOf: ["", "y"])
        #expect(command.argumentCount == 8)
        #expect(
            text(command)
                == "*9\r\n$3\r\nSET\r\n$10\r\nschlüssel\r\n$4\r\n-120\r\n$20\r\n-9223372036854775808\r\n$3\r\n\0\r\n\r\n"
                + "$1\r\nx\r\n$6\r\nstring\r\n$0\r\n\r\n$1\r\ny\r\n")
    }

    @Test func `a command without arguments has its name only`() {
        #expect(text(RedisCommand("PING")) == "*1\r\n$4\r\nPING\r\n")
    }

    @Test func `numbers are written as Swift writes them`() {
        var numbers: [Int64] = [0, 9, 10, 99, 100, .max, .min, -1]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            numbers += [power - 1, power, -power]
        }
        for number in numbers {
            var command = RedisCommand("X")
            command.append(number)
            let digits = String(number)
            #expect(text(command) == "*2\r\n$1\r\nX\r\n$\(digits.utf8.count)\r\n\(digits)\r\n")
            #expect(
                digits.utf8.withContiguousStorageIfAvailable { Decimal.parse(UnsafeRawBufferPointer($0)) } == number)
        }
    }

    @Test func `digits of the largest numbers are counted`() {
        #expect(Decimal.digits(in: .max) == 20)
        #expect(Decimal.digits(in: 10_000_000_000_000_000_000) == 20)
        #expect(Decimal.digits(in: 9_999_999_999_999_999_999) == 19)
    }

    @Test func `a copy of a command can go its own way`() {
        let first = command("SADD", "set")
        var second = first
        second.append("more")
        #expect(text(first) == "*2\r\n$4\r\nSADD\r\n$3\r\nset\r\n")
        #expect(second.argumentCount == 2)
    }

    @Test func `two thousand arguments are counted and kept in order`() {
        var command = RedisCommand("DEL", reserving: 0)
        let texts = (0..<2000).map { "key-\($0)" }
        command.append(contentsOf: texts)
        let expected = texts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        #expect(text(command) == "*2001\r\n$3\r\nDEL\r\n" + expected)
    }

    @Test func `an operation names the key, and never a password or a payload`() {
        #expect(command("GET", "key").operation == "GET key")
        #expect(command("HSET", "key", "field", "secret").operation == "HSET key")
        #expect(command("PING").operation == "PING")
        #expect(command("AUTH", "user", "secret").operation == "AUTH")
        #expect(command("AUTH", "secret").operation == "AUTH")
        #expect(command("HELLO", "3", "AUTH", "user", "secret").operation == "HELLO")
        #expect(command("CONFIG", "SET", "requirepass", "secret").operation == "CONFIG")
        #expect(command("PUBLISH", "secret", "secret").operation == "PUBLISH")
        #expect(command("EVAL", "return 'secret'", "1", "key", "secret").operation == "EVAL key")
        #expect(command("EVALSHA", "sha", "0", "secret").operation == "EVALSHA")
        var script = command("EVALSHA", "sha", "1", "{queue}:ready", "secret")
        script.label = "claim"
        #expect(script.operation == "claim {queue}:ready")
    }
}
