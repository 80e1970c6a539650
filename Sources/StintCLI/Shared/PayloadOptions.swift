import ArgumentParser
import Foundation
import NIOCore
import Stint
import StintCore
import StintStore

/// The keys with which payloads are encrypted and decrypted.
struct PayloadKeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file of keys for payloads: on each line an id and 32 bytes in Base64. The first encrypts, all decrypt.",
            discussion: "Default: STINT_PAYLOAD_KEYS, else payloads are not encrypted.", valueName: "file"),
        completion: .file())
    var payloadKeys: String?

    /// For the programs of a worker, wherever they run.
    var variables: [String: String] {
        guard let path = payloadKeys else { return [:] }
        return ["STINT_PAYLOAD_KEYS": URL(fileURLWithPath: path).path]
    }

    /// `nil` = no keys were named.
    func codec(refusesPlain: Bool = false) throws -> AEADCodec? {
        guard let path = payloadKeys ?? environment("STINT_PAYLOAD_KEYS") else {
            if refusesPlain {
                throw CommandError(
                    .usage, "--encrypted-only needs keys",
                    advice: "Name a file by --payload-keys or STINT_PAYLOAD_KEYS.")
            }
            return nil
        }
        return try AEADCodec(keyFile: path, refusesPlain: refusesPlain)
    }
}

extension JobHeader {
    /// What stands in the place of a payload that is not shown; `nil` = it may be shown.
    func mask(_ payload: ByteBuffer) -> String? {
        let bytes = "\(Printable.count(payload.readableBytes, "byte"))>"
        if let codec { return "<\(Self.explained(codec)), \(bytes)" }
        return isSensitive ? "<sensitive, \(bytes)" : nil
    }

    /// `encrypted with key 2026-11`; of a codec of somebody's own, its name.
    private static func explained(_ codec: String) -> String {
        AEADCodec.keyID(in: codec).map { "encrypted with key \($0)" } ?? "encoded by \(codec)"
    }
}

extension JobDetail {
    var mask: String? { payload.flatMap { header?.mask($0) } }

    /// The payload, as far as it may be shown.
    ///
    /// - Parameter revealed: what somebody asked for, whatever it is.
    func payloadMember(_ revealed: ByteBuffer?) -> [(String, JSON)] {
        let (codec, isSensitive) = (header?.codec, header?.isSensitive ?? false)
        let about: [(String, JSON)] = [("codec", .optional(codec)), ("sensitive", .bool(isSensitive))]
        guard let payload else { return about + [("payload", .null)] }
        if let revealed { return about + [Printable.payloadMember(revealed)] }
        if mask == nil { return about + [Printable.payloadMember(payload)] }
        return about + [("payload", .null), ("payload_bytes", .int(payload.readableBytes))]
    }

    /// The last lines of a page about the job; empty where there is no record.
    func payloadText(_ revealed: ByteBuffer?) -> String {
        guard let payload else { return "" }
        let shown = revealed ?? payload
        if revealed == nil, let mask { return "\n" + Printable.clean(mask) + "\n" }
        return "\n" + (shown.readableBytes == 0 ? "(no payload)" : Printable.payload(shown)) + "\n"
    }
}
