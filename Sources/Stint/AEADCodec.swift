import Crypto
import Foundation
public import NIOCore
public import StintCore
public import StintRuntime

/// Encrypts payloads, and what their jobs leave besides, with AES-256-GCM, so that who reads Redis or its files learns nothing of
/// them, and who writes there cannot change one, or give it to another job, queue or type, without being noticed.
///
///     let codec = try AEADCodec(keyFile: "/run/secrets/stint-keys")
///     let client = try await StintClient(.redis(url), codec: codec)
///
/// Each payload has a key of its own, derived from the chosen one and 128 random bits, so there is no number of jobs after
/// which a key is used up. It grows by 45 bytes. Queue, id, type, options and the name of the key stay in the open.
///
/// To rotate: give the new key to all nodes, behind the present one; then put it first, where jobs are enqueued; drop the old
/// one when no job says its name any more.
public struct AEADCodec: PayloadCodec {
    private static let name = "aes-gcm"
    private static let version: UInt8 = 1
    private static let saltBytes = 16
    /// Version, salt, nonce, authentication tag.
    static let overhead = 1 + saltBytes + 12 + 16

    private let current: PayloadKey
    private let byName: [String: PayloadKey]
    public let refusesPlain: Bool

    /// - Parameters:
    ///   - keys: the first encrypts, all of them decrypt.
    ///   - refusesPlain: whether nodes bury jobs that are not encrypted. Until they do, who can write to Redis can enqueue what
    ///     they like. Default false, so that jobs from before still run.
    /// - Throws: ``StintError`` with code `invalidArgument`: no key, or two with one id.
    public init(keys: [PayloadKey], refusesPlain: Bool = false) throws(StintError) {
        guard let current = keys.first else {
            throw .invalidArgument("payload keys", "there is none", advice: "Give at least one.")
        }
        guard Set(keys.map(\.id)).count == keys.count else {
            throw .invalidArgument("payload keys", "two have the same id", advice: "Give each key an id of its own.")
        }
        self.current = current
        self.byName = Dictionary(keys.map { (Self.tag($0), $0) }) { first, _ in first }
        self.refusesPlain = refusesPlain
    }

    /// - Parameter keyFile: as ``PayloadKey/read(file:)`` reads it.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(keyFile: String, refusesPlain: Bool = false) throws(StintError) {
        try self.init(keys: PayloadKey.read(file: keyFile), refusesPlain: refusesPlain)
    }

    public func encode(_ payload: ByteBuffer, of job: PayloadOwner) throws -> EncodedPayload? {
        var random = SystemRandomNumberGenerator()
        let salt = [random.next(), random.next()].flatMap { withUnsafeBytes(of: $0, Array.init) }
        let box = try payload.withUnsafeReadableBytes { bytes in
            try AES.GCM.seal(bytes, using: Self.key(current, salt), authenticating: Self.bound(to: job))
        }
        var sealed = ByteBufferAllocator().buffer(capacity: payload.readableBytes + Self.overhead)
        sealed.writeInteger(Self.version)
        sealed.writeBytes(salt)
        sealed.writeBytes(box.nonce)
        sealed.writeBytes(box.ciphertext)
        sealed.writeBytes(box.tag)
        return EncodedPayload(sealed, codec: Self.tag(current))
    }

    /// - Throws: ``StintError`` with code `keyMissing` or `tampered`.
    public func decode(_ payload: EncodedPayload, of job: PayloadOwner) throws -> ByteBuffer {
        guard let key = byName[payload.codec] else {
            let ours = byName.keys.sorted().joined(separator: ", ")
            throw StintError(
                .keyMissing, "decrypt \(job.part) of \(job.id)",
                "it is encoded by \(payload.codec), the keys here are \(ours)",
                advice: "Give the key to this process.")
        }
        var bytes = payload.bytes
        guard let version: UInt8 = bytes.readInteger(), bytes.readableBytes >= Self.overhead - 1,
            let salt = bytes.readBytes(length: Self.saltBytes)
        else { throw Self.tampered(job, key) }
        guard version == Self.version else {
            throw StintError(
                .keyMissing, "decrypt \(job.part) of \(job.id)", "its format \(version) is of another version of Stint")
        }
        do {
            let opened = try bytes.withUnsafeReadableBytes { bytes in
                try AES.GCM.open(
                    AES.GCM.SealedBox(combined: Data(bytes)), using: Self.key(key, salt),
                    authenticating: Self.bound(to: job))
            }
            return ByteBuffer(bytes: opened)
        } catch {
            throw Self.tampered(job, key)
        }
    }

    private static func tampered(_ job: PayloadOwner, _ key: PayloadKey) -> StintError {
        StintError(
            .tampered, "decrypt \(job.part) of \(job.id)",
            "\(job.part) was changed after it had been encrypted with \(key), or it is that of another job, queue or type"
        )
    }

    /// The id of the key by which a job says that it was encrypted; `nil` = by another codec.
    package static func keyID(in codec: String) -> String? {
        let parts = codec.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0] == name ? String(parts[1]) : nil
    }

    private static func tag(_ key: PayloadKey) -> String { "\(name):\(key.id):\(key.check)" }

    /// The key of one payload.
    private static func key(_ key: PayloadKey, _ salt: [UInt8]) -> SymmetricKey {
        HKDF<SHA256>.expand(
            pseudoRandomKey: key.key, info: Array("stint payload \(version)".utf8) + salt,
            outputByteCount: PayloadKey.byteCount)
    }

    /// What is authenticated beside the payload. Each part behind its length, so that no two jobs come to the same bytes.
    private static func bound(to job: PayloadOwner) -> [UInt8] {
        let part: [String] =
            switch job.part {
            case .payload: []
            case .result: ["result"]
            case .checkpoint: ["checkpoint"]
            case .step(let name): ["step", name]
            }
        return ([job.queue.rawValue, job.id.rawValue, job.type.rawValue] + part).flatMap { part in
            withUnsafeBytes(of: UInt32(part.utf8.count).bigEndian, Array.init) + Array(part.utf8)
        }
    }
}
