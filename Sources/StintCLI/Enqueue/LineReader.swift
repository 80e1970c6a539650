import Foundation
import NIOCore

/// Lines of a file, a pipe or standard input, as slices of large blocks: no allocation for a line.
///
/// A line ends with LF or CR LF; the last one may do without.
struct LineReader: Sendable {
    /// Why a line cannot be read.
    struct Failure: Error {
        let reason: String
    }

    private static let blockBytes = 256 << 10

    private let descriptor: Int32
    private let longestLine: Int
    private var block = ByteBuffer()
    private var isAtEnd = false

    /// - Parameter path: `-` = standard input.
    init(path: String, longestLine: Int) throws {
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            throw CommandError(.failure, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        self.longestLine = longestLine
    }

    /// The lines that are at hand, at most `limit`; waits for one when none is. Empty = the end.
    ///
    /// A slow writer's lines are not kept waiting for a full batch.
    mutating func next(_ limit: Int) throws -> [ByteBuffer] {
        var lines: [ByteBuffer] = []
        while lines.count < limit {
            if let line = cutLine() {
                lines.append(line)
            } else if !lines.isEmpty {
                break
            } else if isAtEnd {
                if block.readableBytes > 0 {
                    lines.append(Self.withoutCarriageReturn(block.readSlice(length: block.readableBytes)!))
                }
                break
            } else {
                try fill()
            }
        }
        return lines
    }

    /// The whole content, as one payload.
    mutating func all() throws -> ByteBuffer {
        while !isAtEnd {
            if block.readableBytes > longestLine {
                throw CommandError(
                    .failure, "the payload is larger than \(longestLine) bytes",
                    advice: "Keep large data in a store of its own, and its address in the job.")
            }
            do {
                try fill()
            } catch let failure as Failure {
                throw CommandError(.failure, failure.reason)
            }
        }
        return block
    }

    private mutating func cutLine() -> ByteBuffer? {
        let end = block.withUnsafeReadableBytes { bytes -> Int? in
            guard let start = bytes.baseAddress, let found = memchr(start, 0x0A, bytes.count) else { return nil }
            return UnsafeRawPointer(found) - start
        }
        guard let end, let line = block.readSlice(length: end) else { return nil }
        block.moveReaderIndex(forwardBy: 1)
        return Self.withoutCarriageReturn(line)
    }

    private static func withoutCarriageReturn(_ line: ByteBuffer) -> ByteBuffer {
        guard line.readableBytesView.last == 0x0D else { return line }
        return line.getSlice(at: line.readerIndex, length: line.readableBytes - 1) ?? line
    }

    /// Reads once. What is left of the last block is moved to the new one: lines that were handed out keep the old one.
    private mutating func fill() throws {
        guard block.readableBytes <= longestLine + 1 else {
            throw Failure(reason: "it is longer than \(longestLine) bytes")
        }
        if block.writableBytes < Self.blockBytes / 2 {
            var next = ByteBufferAllocator().buffer(capacity: max(Self.blockBytes, block.readableBytes * 2))
            next.writeBuffer(&block)
            block = next
        }
        let descriptor = self.descriptor
        var problem: Int32 = 0
        let count = block.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { space in
            var count = read(descriptor, space.baseAddress, space.count)
            while count < 0, errno == EINTR { count = read(descriptor, space.baseAddress, space.count) }
            if count < 0 { problem = errno }
            return max(0, count)
        }
        if problem != 0 { throw Failure(reason: "the input cannot be read: \(String(cString: strerror(problem)))") }
        if count == 0 { isAtEnd = true }
    }
}
