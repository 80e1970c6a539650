import Foundation
import NIOCore
import Stint
import StintCore
import StintRuntime
import Testing

struct AEADTests {
    private static let owner = PayloadOwner(queue: "mail", id: JobID(unchecked: "7"), type: "receipt.send")
    private let payload = ByteBuffer(string: "4111 1111 1111 1111")

    private func key(_ id: String, _ byte: UInt8 = 7) throws -> PayloadKey {
        try PayloadKey(id: id, bytes: Array(repeating: byte, count: 32))
    }

    private func encoded(_ codec: AEADCodec, _ payload: ByteBuffer) throws -> EncodedPayload {
        try #require(try codec.encode(payload, of: Self.owner))
    }

    private func code(_ body: () throws -> ByteBuffer) -> StintError.Code? {
        #expect(throws: StintError.self) { try body() }?.code
    }

    @Test func `what was encrypted is read again, and is not to be seen meanwhile`() throws {
        let codec = try AEADCodec(keys: [key("a")])
        for payload in [payload, ByteBuffer(), ByteBuffer(repeating: 0, count: Defaults.maxPayloadBytes - 45)] {
            let sealed = try encoded(codec, payload)
            #expect(sealed.bytes.readableBytes == payload.readableBytes + 45)
            #expect(try codec.decode(sealed, of: Self.owner) == payload)
        }
        #expect(!Data(try encoded(codec, payload).bytes.readableBytesView).contains(Data("4111".utf8)))
    }

    @Test func `the same payload is never the same bytes twice`() throws {
        let codec = try AEADCodec(keys: [key("a")])
        let (one, other) = (try encoded(codec, payload), try encoded(codec, payload))
        #expect(one.bytes != other.bytes)
        #expect(one.codec == other.codec)
    }

    @Test func `one changed bit anywhere is refused as tampered, apart from the version`() throws {
        let codec = try AEADCodec(keys: [key("a")])
        let sealed = try encoded(codec, payload)
        for index in 1..<sealed.bytes.readableBytes {
            var bytes = sealed.bytes
            let byte: UInt8 = try #require(bytes.getInteger(at: index))
            bytes.setInteger(byte ^ 1, at: index)
            #expect(code { try codec.decode(EncodedPayload(bytes, codec: sealed.codec), of: Self.owner) } == .tampered)
        }
    }

    @Test func `bytes that are cut off are refused as tampered`() throws {
        let codec = try AEADCodec(keys: [key("a")])
        let sealed = try encoded(codec, payload)
        for count in 0..<sealed.bytes.readableBytes {
            let part = EncodedPayload(
                try #require(sealed.bytes.getSlice(at: 0, length: count)), codec: sealed.codec)
            #expect(code { try codec.decode(part, of: Self.owner) } == .tampered)
        }
    }

    @Test(arguments: [
        PayloadOwner(queue: "main", id: JobID(unchecked: "7"), type: "receipt.send"),
        PayloadOwner(queue: "mail", id: JobID(unchecked: "8"), type: "receipt.send"),
        PayloadOwner(queue: "mail", id: JobID(unchecked: "7"), type: "receipt.sent"),
        // The same characters in a row, cut elsewhere.
        PayloadOwner(queue: "mail7", id: JobID(unchecked: "r"), type: "eceipt.send"),
    ])
    func `the payload of another job, queue or type is refused as tampered`(other: PayloadOwner) throws {
        let codec = try AEADCodec(keys: [key("a")])
        let sealed = try encoded(codec, payload)
        #expect(code { try codec.decode(sealed, of: other) } == .tampered)
    }

    @Test func `after a rotation the new key encrypts and the old one still decrypts`() throws {
        let (old, new) = (try key("2026-05", 1), try key("2026-11", 2))
        let before = try encoded(AEADCodec(keys: [old]), payload)
        let rotated = try AEADCodec(keys: [new, old])
        #expect(try rotated.decode(before, of: Self.owner) == payload)
        let after = try encoded(rotated, payload)
        #expect(AEADCodec.keyID(in: after.codec) == "2026-11")
        #expect(try AEADCodec(keys: [old, new]).decode(after, of: Self.owner) == payload)
    }

    @Test func `a key that is not there is missing, and so is another one of the same id`() throws {
        let sealed = try encoded(AEADCodec(keys: [key("a", 1)]), payload)
        let (other, namesake) = (try AEADCodec(keys: [key("b", 1)]), try AEADCodec(keys: [key("a", 2)]))
        #expect(code { try other.decode(sealed, of: Self.owner) } == .keyMissing)
        #expect(code { try namesake.decode(sealed, of: Self.owner) } == .keyMissing)
        #expect(code { try other.decode(EncodedPayload(payload, codec: "gzip"), of: Self.owner) } == .keyMissing)
    }

    @Test func `a format of a later version is for those who know it`() throws {
        let codec = try AEADCodec(keys: [key("a")])
        let sealed = try encoded(codec, payload)
        var bytes = sealed.bytes
        bytes.setInteger(UInt8(2), at: 0)
        #expect(code { try codec.decode(EncodedPayload(bytes, codec: sealed.codec), of: Self.owner) } == .keyMissing)
    }

    @Test func `keys that are none are refused`() throws {
        #expect(throws: StintError.self) { try PayloadKey(id: "a", bytes: Array(repeating: 0, count: 31)) }
        #expect(throws: StintError.self) { try PayloadKey(id: "a", bytes: Array(repeating: 0, count: 33)) }
        #expect(throws: StintError.self) { try PayloadKey(id: "a:b", bytes: Array(repeating: 0, count: 32)) }
        #expect(throws: StintError.self) {
            try PayloadKey(id: String(repeating: "a", count: 65), bytes: Array(repeating: 0, count: 32))
        }
        #expect(throws: StintError.self) { try PayloadKey(id: "a", base64: "no base64") }
        #expect(throws: StintError.self) { try AEADCodec(keys: []) }
        #expect(throws: StintError.self) { try AEADCodec(keys: [key("a", 1), key("a", 2)]) }
    }

    @Test func `a key is in no text that is made of it`() throws {
        let secret = try key("a", 65)
        var dumped = ""
        dump(secret, to: &dumped)
        let codec = try AEADCodec(keys: [secret])
        dump(codec, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\(codec)"] {
            #expect(text.contains("a"))
            #expect(!text.contains("65"))
            #expect(!text.contains("AAAA"))
            #expect(!text.contains("SymmetricKey"))
        }
    }

    @Test func `a file of keys is read in its order, and a bad line is named without what it says`() throws {
        let path = FileManager.default.temporaryDirectory.path + "/stint-keys-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let one = Data(repeating: 1, count: 32).base64EncodedString()
        let two = Data(repeating: 2, count: 32).base64EncodedString()
        try "# ours\n\n2026-11 \(one)\r\n\t2026-05\t\(two)  \n".write(toFile: path, atomically: true, encoding: .utf8)
        let keys = try PayloadKey.read(file: path)
        #expect(keys.map(\.id) == ["2026-11", "2026-05"])
        #expect(keys[0].check == (try PayloadKey(id: "x", bytes: Array(repeating: 1, count: 32))).check)
        for line in ["lonely", "2026-05 c2hvcnQ=", "2026-05 \(two) more"] {
            try "2026-11 \(one)\n\(line)\n".write(toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: StintError.self) { try PayloadKey.read(file: path) }
            #expect(error?.message.contains("line 2 of") == true)
            #expect(error?.description.contains("c2hvcnQ") == false)
        }
        #expect(throws: StintError.self) { try PayloadKey.read(file: path + ".none") }
    }
}

struct SensitiveTests {
    private struct Charge: Codable, Equatable {
        var order = 7
        @Sensitive var card = "4111"
        @Sensitive var note: String?
    }

    @Test func `a sensitive field is encoded as it is and shown nowhere`() throws {
        let charge = Charge()
        let json = try JSONEncoder().encode(charge)
        #expect(String(decoding: json, as: UTF8.self).contains("\"card\":\"4111\""))
        #expect(try JSONDecoder().decode(Charge.self, from: json) == charge)
        #expect(try JSONDecoder().decode(Charge.self, from: Data(#"{"order":7,"card":"4111"}"#.utf8)) == charge)
        var dumped = ""
        dump(charge, to: &dumped)
        for text in ["\(charge)", String(reflecting: charge), dumped] {
            #expect(text.contains("7"))
            #expect(text.contains("<sensitive>"))
            #expect(!text.contains("4111"))
        }
    }
}
