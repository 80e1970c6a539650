/// Cuts a stream of bytes into lines. A line that does not end is cut where it gets too long.
struct LineCutter {
    private static let longest = 4096
    private var open: [UInt8] = []

    /// - Returns: the lines that have ended.
    mutating func add(_ bytes: UnsafeRawBufferPointer) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(take())
            } else {
                open.append(byte)
                if open.count == Self.longest { lines.append(take()) }
            }
        }
        return lines
    }

    /// What stands behind the last line end.
    var rest: String? { open.isEmpty ? nil : String(decoding: open, as: UTF8.self) }

    private mutating func take() -> String {
        defer { open.removeAll(keepingCapacity: true) }
        return String(decoding: open, as: UTF8.self)
    }
}
