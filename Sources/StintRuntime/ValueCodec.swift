package import NIOCore
package import StintCore

/// What a job leaves in Redis beside its payload, as it is stored: its result, its checkpoint, what its steps come to. It is
/// encoded where the payload was. It may be there for longer than the job's record, so it says by itself how to read it:
///
///     NUL "stint " codec SP type LF bytes
///
/// What does not begin so is what it is; what would, and is not encoded, is behind such a line without a codec and a type.
package struct ValueCodec: Sendable {
    private static let mark = Array("\0stint ".utf8)
    /// Longer lines are none of ours.
    private static let maxLine = 512

    private let codec: (any PayloadCodec)?

    package init(_ codec: (any PayloadCodec)?) { self.codec = codec }

    /// As it is to be stored.
    ///
    /// - Throws: what the codec throws.
    package func encode(
        _ value: ByteBuffer, _ part: PayloadOwner.Part, of id: JobID, _ header: JobHeader, on queue: QueueName
    ) async throws -> ByteBuffer {
        if header.codec != nil, let codec {
            let owner = PayloadOwner(queue: queue, id: id, type: header.type, part: part)
            if let encoded = try await codec.encode(value, of: owner) {
                return Self.framed(encoded.bytes, "\(encoded.codec) \(header.type)")
            }
        }
        return value.readableBytesView.starts(with: Self.mark) ? Self.framed(value, " ") : value
    }

    /// What was encoded.
    ///
    /// - Throws: ``StintError``: `keyMissing`, also where there is no codec; `tampered`, also when it is not encoded and the codec
    ///   refuses such payloads; or what else the codec throws.
    package func decode(_ stored: ByteBuffer, _ part: PayloadOwner.Part, of id: JobID, on queue: QueueName)
        async throws -> ByteBuffer
    {
        let operation = "read \(part) of \(id)"
        guard let (name, type, bytes) = try Self.parsed(stored, operation) else {
            guard codec?.refusesPlain != true else {
                throw StintError(.tampered, operation, "it is not encoded, and the codec refuses such values")
            }
            return stored.readableBytesView.starts(with: Self.mark) ? Self.unframed(stored) : stored
        }
        guard let codec else {
            throw StintError(
                .keyMissing, operation, "it is encoded by \(name), and there is no codec here",
                advice:
                    "Give the client the codec of the nodes; on the command line --payload-keys or STINT_PAYLOAD_KEYS.")
        }
        let owner = PayloadOwner(queue: queue, id: id, type: type, part: part)
        return try await codec.decode(EncodedPayload(bytes, codec: name), of: owner)
    }

    private static func framed(_ bytes: ByteBuffer, _ line: String) -> ByteBuffer {
        var framed = ByteBufferAllocator().buffer(
            capacity: mark.count + line.utf8.count + 1 + bytes.readableBytes)
        framed.writeBytes(mark)
        framed.writeString(line + "\n")
        framed.writeImmutableBuffer(bytes)
        return framed
    }

    private static func unframed(_ framed: ByteBuffer) -> ByteBuffer {
        let view = framed.readableBytesView
        return ByteBuffer(view[view.index(after: view.firstIndex(of: 10) ?? view.startIndex)...])
    }

    /// - Returns: `nil` = it is not encoded.
    private static func parsed(_ stored: ByteBuffer, _ operation: String) throws(StintError)
        -> (codec: String, type: JobType, bytes: ByteBuffer)?
    {
        let view = stored.readableBytesView
        guard view.starts(with: mark) else { return nil }
        let line = view.dropFirst(mark.count).prefix(maxLine).prefix { $0 != 10 }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, view.dropFirst(mark.count + line.count).first == 10 else {
            throw StintError(.tampered, operation, "its first line is none that Stint writes")
        }
        if words[0].isEmpty { return nil }
        guard let type = try? JobType(String(words[1])) else {
            throw StintError(.tampered, operation, "its first line is none that Stint writes")
        }
        return (String(words[0]), type, unframed(stored))
    }
}

extension PayloadOwner.Part: CustomStringConvertible {
    /// As in "the result of 7".
    public var description: String {
        switch self {
        case .payload: "the payload"
        case .result: "the result"
        case .checkpoint: "the checkpoint"
        case .step(let name): "the step \(name)"
        }
    }
}
