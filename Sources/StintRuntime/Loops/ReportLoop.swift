import Logging
import NIOCore
import StintCore
import StintStore
import Synchronization

/// Sends what jobs say about themselves: at once, and then at most some times a second. What cannot be sent is counted and
/// forgotten: it is for people, and no job waits for it.
struct ReportLoop {
    private static let interval = Duration.milliseconds(250)

    let node: NodeState
    let timer: Signal

    func run() async {
        while !Task.isCancelled {
            await node.desk.signal.wait()
            await runOnce()
            await timer.wait(upTo: Self.interval)
        }
        // The last words of jobs that have ended.
        await runOnce()
    }

    func runOnce() async {
        let (progress, logs) = node.desk.takeAll()
        for (queue, reports) in Dictionary(grouping: progress, by: { $0.lease.queue }) {
            for start in stride(from: 0, to: reports.count, by: Defaults.maxJobsPerCall) {
                let some = reports[start..<min(start + Defaults.maxJobsPerCall, reports.count)]
                let notes = some.map { Note($0.lease.held, .progress, ByteBuffer(string: $0.text)) }
                await attempt(notes.count) { () throws(StintError) in
                    _ = try await node.desk.store.note(notes, on: queue, by: node.consumer)
                }
            }
        }
        for log in logs {
            let more = log.dropped > 0 ? ["… \(log.dropped) more lines came too fast, and were dropped"] : []
            await attempt(log.lines.count) { () throws(StintError) in
                try await node.desk.store.log(log.lines + more, of: log.id, on: log.queue)
            }
        }
    }

    private func attempt(_ count: Int, _ send: () async throws(StintError) -> Void) async {
        do throws(StintError) {
            try await send()
        } catch {
            let lost = node.desk.lost.add(count, ordering: .relaxed).newValue
            node.logger.debug("reports of jobs lost", metadata: ["error": "\(error)", "lost": "\(lost)"])
        }
    }
}
