internal import CRESP
package import NIOCore

/// What the nodes of one reply share: the nodes in pre-order, and the bytes of all its strings.
final class ReplyStorage: Sendable {
    let nodes: [cresp_node]
    let bytes: ByteBuffer

    init(nodes: [cresp_node], bytes: ByteBuffer) {
        self.nodes = nodes
        self.bytes = bytes
    }
}

/// One element of a reply: a view on the storage that it shares with the rest of the reply.
package struct RedisReply: Sendable {
    package enum Kind: UInt8, Sendable, Hashable {
        case status = 1
        case error, integer, bulk, null, array
    }

    /// nil for replies that fit into the node: numbers, nulls, and strings of up to 8 bytes such as OK and PONG.
    private let storage: ReplyStorage?
    private let node: cresp_node
    private let index: UInt32

    init(storage: ReplyStorage?, node: cresp_node, index: UInt32) {
        self.storage = storage
        self.node = node
        self.index = index
    }

    package var kind: Kind {
        guard let kind = Kind(rawValue: node.kind) else {
            preconditionFailure("the reply reader made a node of no kind")
        }
        return kind
    }

    package var isNull: Bool { kind == .null }

    /// Children of an array, else 0.
    package var count: Int { kind == .array ? Int(node.count) : 0 }

    /// The child at `position` of an array. O(1) when no child is itself a filled array, else O(position).
    package subscript(position: Int) -> RedisReply {
        precondition(position >= 0 && position < count, "a reply has no child at this position")
        guard let storage else { preconditionFailure("a reply with children has storage") }
        var child = index + 1
        if node.next == child + node.count {
            child += UInt32(position)
        } else {
            for _ in 0..<position { child = storage.nodes[Int(child)].next }
        }
        return RedisReply(storage: storage, node: storage.nodes[Int(child)], index: child)
    }

    /// The children of an array in order, O(1) for each; of anything else, none.
    package var children: some Sequence<RedisReply> {
        Children(storage: storage, position: index + 1, remaining: count)
    }

    /// The value of an integer reply, or of a bulk string that is the decimal form of one.
    package var integer: Int64? {
        switch kind {
        case .integer: node.value
        case .bulk: withBytes(Decimal.parse)
        case .status, .error, .null, .array: nil
        }
    }

    /// The text of a status, an error or a bulk string; bytes that are not UTF-8 become U+FFFD.
    package var string: String? {
        switch kind {
        case .status, .error, .bulk: withBytes { String(decoding: $0, as: UTF8.self) }
        case .integer, .null, .array: nil
        }
    }

    /// A bulk string. It is a slice of one buffer that all strings of the reply share: keeping it keeps them all.
    package var bytes: ByteBuffer? {
        guard kind == .bulk else { return nil }
        guard let storage else { return withBytes { ByteBuffer(bytes: $0) } }
        return storage.bytes.getSlice(at: Int(node.value), length: Int(node.count))
    }

    /// The bytes of a status, an error or a bulk string, in place; of anything else, none.
    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        switch kind {
        case .integer, .null, .array:
            return try body(UnsafeRawBufferPointer(start: nil, count: 0))
        case .status, .error, .bulk:
            guard let storage else {
                return try withUnsafeBytes(of: node.value) {
                    try body(UnsafeRawBufferPointer(rebasing: $0.prefix(Int(node.count))))
                }
            }
            let start = Int(node.value)
            return try storage.bytes.withUnsafeReadableBytes {
                try body(UnsafeRawBufferPointer(rebasing: $0[start..<start + Int(node.count)]))
            }
        }
    }

    private struct Children: Sequence, IteratorProtocol {
        let storage: ReplyStorage?
        var position: UInt32
        var remaining: Int

        mutating func next() -> RedisReply? {
            guard remaining > 0, let storage else { return nil }
            let child = RedisReply(storage: storage, node: storage.nodes[Int(position)], index: position)
            remaining -= 1
            position = child.node.next
            return child
        }
    }
}
