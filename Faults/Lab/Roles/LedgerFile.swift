import Foundation
import StintCore
import StintRuntime
import StintStore

/// Which jobs were accepted, or acked, eight bytes each: a history of a million jobs would be a gigabyte.
final class LedgerFile: Sendable {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StintError(
                .invalidArgument, "ledger", "\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func add(_ event: NodeEvent) {
        if case .settled(let job, _, let settle) = event, settle == .ack || settle == .lateAck { add([job.id]) }
    }

    func add(_ ids: [JobID]) {
        let marks = ids.map { Self.mark($0.rawValue) }
        // One write is whole, or the process is gone: appends of this size are not torn.
        marks.withUnsafeBytes { bytes in
            guard write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
                fatalError("the ledger cannot be written: \(String(cString: strerror(errno)))")
            }
        }
    }

    static func read(_ path: String) -> [UInt64] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return data.prefix(data.count / 8 * 8).withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
    }

    /// FNV-1a, 64 bits: of a million ids two are the same once in 30 million runs.
    static func mark(_ id: String) -> UInt64 {
        id.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
}
