import StintCore
import StintRuntime
import StintStore
import Synchronization

/// Tells the person at the terminal what happens: one short line for each run.
final class Narrator: Sendable {
    private let isLoud: Bool
    /// All jobs of one claim have the same token, and queues do not know of each other's ids.
    private struct Run: Hashable {
        let queue: QueueName
        let id: JobID
        let token: Token
    }

    private let began = Mutex<[Run: ContinuousClock.Instant]>([:])
    private let running = Mutex(0)

    /// - Parameter isLoud: a line for each run; otherwise only for what the person asked for.
    init(isLoud: Bool) { self.isLoud = isLoud }

    func stopping(isUrgent: Bool) {
        let count = running.withLock { $0 }
        if isUrgent {
            Console.note("stopping now: \(Printable.count(count, "running job")) cancelled and handed back")
        } else {
            Console.note(
                "stopping"
                    + (count > 0 ? ": waiting for \(Printable.count(count, "running job")); again to stop at once" : "")
            )
        }
    }

    func tell(_ event: NodeEvent) {
        switch event {
        case .runBegan(let job, let queue):
            running.withLock { $0 += 1 }
            if isLoud { began.withLock { $0[Run(queue: queue, id: job.id, token: job.token)] = .now } }
        case .runEnded(let job, let queue, let settle):
            running.withLock { $0 -= 1 }
            guard isLoud else { return }
            let run = Run(queue: queue, id: job.id, token: job.token)
            let began = began.withLock { $0.removeValue(forKey: run) }
            Console.note(line(job, settle, began.map { .now - $0 } ?? .zero))
        case .lapsed(let lapse, let queue):
            guard isLoud else { return }
            let end = lapse.outcome == .dead ? "buried" : lapse.outcome == .cancelled ? "cancelled" : "ready again"
            Console.note("⌛ \(lapse.id) lease of \(lapse.consumer?.description ?? "?") on \(queue) ran out, \(end)")
        case .gone(let consumer, let leases):
            if isLoud { Console.note("⌛ \(consumer) is gone, \(Printable.count(leases, "lease")) given back") }
        default: break
        }
    }

    private func line(_ job: ClaimedJob, _ settle: Settle, _ time: Duration) -> String {
        switch settle {
        case .ack: "✓ \(job.id) \(Printable.duration(time))"
        case .lateAck: "✓ \(job.id) \(Printable.duration(time)), but the lease had run out: it may run again"
        case .retry(let delay, let maxFailures, let reason):
            if job.tries.failures + 1 >= maxFailures {
                "✗ \(job.id) \(reason), dead after \(Printable.count(maxFailures, "failure"))"
            } else {
                "✗ \(job.id) \(reason), retry in \(Printable.duration(delay))"
            }
        case .reject(let reason): "✗ \(job.id) \(reason), dead"
        case .cancel(let reason): "✗ \(job.id) \(reason)"
        case .release: "↩ \(job.id) handed back"
        case .nothing: "✗ \(job.id) lease lost, another node may be running it"
        }
    }
}
