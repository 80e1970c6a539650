internal import CRESP
internal import NIOCore

/// Cuts a stream of bytes into replies. Owns a reader of CRESP, so it is a class; it is used on one event loop only.
final class ReplyReader {
    private let reader: OpaquePointer

    init(maxElements: Int, maxBytes: Int) {
        let limits = cresp_limits(max_elements: max(1, maxElements), max_bytes: max(64, maxBytes))
        guard let reader = cresp_create(limits) else { preconditionFailure("there is no memory for a reply reader") }
        self.reader = reader
    }

    deinit {
        cresp_free(reader)
    }

    // hiredis moves what is left of its buffer to the front after each reply; with many small replies in one large read
    // that costs more than parsing them. Small slices leave little to move.
    private static let sliceBytes = 8192

    /// Parses `bytes` after what came before, and hands over every reply that is complete. A failure is final.
    func read(_ bytes: ByteBuffer, _ body: (RedisReply) -> Void) throws(RedisError) {
        let failed = bytes.withUnsafeReadableBytes { all in
            var start = 0
            while start < all.count {
                let slice = UnsafeRawBufferPointer(rebasing: all[start..<min(start + Self.sliceBytes, all.count)])
                start += slice.count
                guard let base = slice.baseAddress, cresp_feed(reader, base, slice.count) == 0 else { return true }
                while true {
                    let status = cresp_next(reader)
                    if status == CRESP_NEED_MORE { break }
                    if status < 0 { return true }
                    body(reply())
                }
            }
            return false
        }
        if failed {
            throw RedisError(.protocolError, operation: "read a reply", message: String(cString: cresp_error(reader)))
        }
    }

    /// Bytes held for the nodes and strings of a reply.
    var memory: Int { cresp_memory(reader) }

    /// Copies the reply out of the reader.
    private func reply() -> RedisReply {
        let nodes = cresp_nodes(reader)
        let count = cresp_node_count(reader)
        let length = cresp_arena_length(reader)
        var root = nodes[0]
        if count == 1 && length <= 8 {
            if length > 0 {
                root.value = 0
                withUnsafeMutableBytes(of: &root.value) {
                    $0.baseAddress?.copyMemory(from: cresp_arena(reader), byteCount: length)
                }
            }
            return RedisReply(storage: nil, node: root, index: 0)
        }
        var bytes = ByteBufferAllocator().buffer(capacity: length)
        bytes.writeBytes(UnsafeRawBufferPointer(start: cresp_arena(reader), count: length))
        let storage = ReplyStorage(nodes: Array(UnsafeBufferPointer(start: nodes, count: count)), bytes: bytes)
        return RedisReply(storage: storage, node: root, index: 0)
    }
}
