import Crypto
import Foundation
public import StintCore

/// A key for payloads: 32 random bytes, and the name by which jobs say that they were encrypted with it.
public struct PayloadKey: Sendable {
    static let byteCount = 32

    /// Stored in the open with every job.
    public let id: String
    let key: SymmetricKey
    /// What a job says of its key besides the id: tells two keys of one id apart, so that the wrong one is a missing key and
    /// not a payload that somebody changed. 32 bits that say nothing about the rest of the key.
    package let check: String

    /// - Parameters:
    ///   - id: 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit. Never give two keys one id.
    ///   - bytes: 32 of them, from a generator of random bytes and not from a password.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(id: String, bytes: some Sequence<UInt8>) throws(StintError) {
        self.id = try Name.checked(id, "payload key id")
        let bytes = Array(bytes)
        guard id.utf8.count <= 64, bytes.count == Self.byteCount else {
            throw .invalidArgument(
                "payload key \(Name.quoted(id))",
                id.utf8.count > 64 ? "its id is too long" : "it has \(bytes.count) bytes, not \(Self.byteCount)",
                advice: "An id has at most 64 characters; `openssl rand -base64 32` makes a key.")
        }
        self.key = SymmetricKey(data: bytes)
        let check = HKDF<SHA256>.expand(
            pseudoRandomKey: key, info: Array("stint payload key check".utf8), outputByteCount: 4)
        self.check = check.withUnsafeBytes { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    /// - Parameter base64: the bytes as `openssl rand -base64 32` prints them.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(id: String, base64: String) throws(StintError) {
        guard let data = Data(base64Encoded: base64) else {
            throw .invalidArgument(
                "payload key \(Name.quoted(id))", "it is not Base64", advice: "`openssl rand -base64 32` makes a key.")
        }
        try self.init(id: id, bytes: data)
    }

    /// A new key, which is nowhere else.
    ///
    /// - Throws: ``StintError`` with code `invalidArgument` for the id.
    public static func random(id: String) throws(StintError) -> PayloadKey {
        var random = SystemRandomNumberGenerator()
        return try PayloadKey(
            id: id, bytes: (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    /// Reads keys from a file: on each line an id and the key in Base64, with spaces or tabs between them. Lines that are empty
    /// or begin with `#` are passed over.
    ///
    /// - Throws: ``StintError`` with code `invalidArgument` and the number of the line. Never what it says.
    public static func read(file path: String) throws(StintError) -> [PayloadKey] {
        guard let data = FileManager.default.contents(atPath: path), let text = String(validating: data, as: UTF8.self)
        else {
            throw .invalidArgument("read payload keys", "\(path) cannot be read as text")
        }
        var keys: [PayloadKey] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.isEmpty || words[0].hasPrefix("#") { continue }
            func refusal(_ why: String) -> StintError {
                .invalidArgument(
                    "read payload keys", "line \(index + 1) of \(path): \(why)",
                    advice: "A line is an id and 32 bytes in Base64, as of `openssl rand -base64 32`.")
            }
            guard words.count == 2 else { throw refusal("\(words.count) words, not 2") }
            do {
                keys.append(try PayloadKey(id: String(words[0]), base64: String(words[1])))
            } catch {
                throw refusal("its id or its key is not one")
            }
        }
        return keys
    }
}

/// Keys reach no text: not by interpolation, `print` or `dump`.
extension PayloadKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "key \(id)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
