import NIOCore
import StintCore
import StintStore
import Synchronization

/// Where running jobs put what they say about themselves: how far they are, and lines of their logs. It is sent in the
/// background, some times a second, and never holds a job up.
final class JobDesk: Sendable {
    /// Lines of one job that wait at most; a job that writes more between two sends has the rest dropped, and is told of it
    /// in its log.
    static let mostLines = 500
    private static let longestLine = 4096

    struct Lines: Sendable {
        let id: JobID
        let queue: QueueName
        var lines: [String] = []
        var dropped = 0
    }

    private struct State {
        var progress: [ObjectIdentifier: (lease: HeldLease, text: String)] = [:]
        var logs: [ObjectIdentifier: (lease: HeldLease, lines: Lines)] = [:]
    }

    let store: any ReportStore
    let signal: Signal
    /// Reports that could not be sent: they are lost.
    let lost = Atomic<Int>(0)
    private let state = Mutex(State())

    init(store: any ReportStore, eventLoop: any EventLoop) {
        self.store = store
        self.signal = Signal(eventLoop)
    }

    /// The last one wins.
    func progress(_ text: String, of lease: HeldLease) {
        state.withLock { $0.progress[ObjectIdentifier(lease)] = (lease, text) }
        signal.raise()
    }

    func log(_ text: String, of lease: HeldLease) {
        let line = Self.cut(text)
        state.withLock { state in
            let key = ObjectIdentifier(lease)
            var entry = state.logs[key] ?? (lease, Lines(id: lease.job.id, queue: lease.queue))
            if entry.lines.lines.count < Self.mostLines {
                entry.lines.lines.append(line)
            } else {
                entry.lines.dropped += 1
            }
            state.logs[key] = entry
        }
        signal.raise()
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= longestLine ? text : String(decoding: text.utf8.prefix(longestLine), as: UTF8.self) + " …"
    }

    /// All that waits.
    func takeAll() -> (progress: [(lease: HeldLease, text: String)], logs: [Lines]) {
        state.withLock { state in
            defer { state = State() }
            return (Array(state.progress.values), state.logs.values.map(\.lines))
        }
    }
}
