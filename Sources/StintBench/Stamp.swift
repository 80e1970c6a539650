package import NIOCore

/// The beginning of a measured job's payload: what its start is compared with. Nodes may be in another process of the
/// same machine, so that only clocks which all processes share will do.
package enum Stamp: Sendable, Hashable {
    /// Just before the enqueue, on the monotonic clock.
    case enqueued(ns: Int64)
    /// The due time on the wall clock.
    case due(ms: Int64)

    package static let length = 9

    /// - Parameter bytes: of the whole payload; at least ``length``.
    package func payload(_ bytes: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: bytes)
        switch self {
        case .enqueued(let ns):
            buffer.writeInteger(UInt8(ascii: "e"))
            buffer.writeInteger(ns)
        case .due(let ms):
            buffer.writeInteger(UInt8(ascii: "d"))
            buffer.writeInteger(ms)
        }
        buffer.writeRepeatingByte(UInt8(ascii: "x"), count: max(0, bytes - Self.length))
        return buffer
    }

    /// `nil` = the payload has none.
    package init?(_ payload: ByteBuffer) {
        var payload = payload
        guard let kind = payload.readInteger(as: UInt8.self), let value = payload.readInteger(as: Int64.self) else {
            return nil
        }
        switch kind {
        case UInt8(ascii: "e"): self = .enqueued(ns: value)
        case UInt8(ascii: "d"): self = .due(ms: value)
        default: return nil
        }
    }

    /// How long ago that was.
    package var elapsedNs: Int64 {
        switch self {
        case .enqueued(let ns): ProcessUse.monotonicNs - ns
        case .due(let ms): ProcessUse.wallNs - ms * 1_000_000
        }
    }
}
