import FaultChecker
import Foundation
import StintBench
import StintCore
import StintRuntime
import StintStore

/// The history of one process. An event is in the file before the process goes on, so that SIGKILL takes nothing from it.
final class HistoryFile: Sendable {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StintError(
                .invalidArgument, "history", "\(path) cannot be written: \(String(cString: strerror(errno)))",
                advice: "Name a file in a directory that exists.")
        }
    }

    deinit { close(descriptor) }

    func add(_ events: Event...) { add(events) }

    func add(_ events: [Event]) {
        var text = events.reduce(into: "") { $0 += $1.line }
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                // A full disk is a fault of the laboratory, not of what it looks at: better no process than half a history.
                guard count > 0 else {
                    fatalError("the history cannot be written: \(String(cString: strerror(errno)))")
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
    }

    /// What a node reports, in the words of the checker.
    func add(_ event: NodeEvent, by consumer: ConsumerID) {
        let consumer = consumer.description, now = ProcessUse.monotonicNs
        func of(
            _ job: ClaimedJob, _ op: Event.Operation, _ type: Event.Phase, how: Settle? = nil, note: String? = nil
        ) -> Event {
            Event(
                op, type, mono: now, id: job.id.rawValue, token: job.token.rawValue, consumer: consumer,
                how: how.map(Self.name), note: note)
        }
        switch event {
        case .claimed(let jobs, _):
            add(
                jobs.map { job in
                    var event = of(job, .claim, .ok)
                    (event.failures, event.lapses) = (job.tries.failures, job.tries.lapses)
                    // A token is the server's time in µs, or the one after the last.
                    event.serverMs = job.token.rawValue / 1000
                    return event
                })
        case .runBegan(let job, _): add(of(job, .run, .invoke))
        case .runEnded(let job, _, .nothing): add(of(job, .run, .info))
        case .runEnded(let job, _, let settle): add(of(job, .run, .ok), of(job, .settle, .invoke, how: settle))
        case .settled(let job, _, let settle): add(of(job, .settle, .ok, how: settle))
        case .refused(let job, _, let settle, let refusal):
            add(of(job, .settle, .fail, how: settle, note: "\(refusal)"))
        case .abandoned(let job, _, let settle): add(of(job, .settle, .info, how: settle))
        case .handedBack(let job, _, let settle), .handlerAbandoned(let job, _, let settle):
            add(of(job, .settle, .invoke, how: settle))
        case .leaseLost(let job, _): add(of(job, .lost, .info))
        case .lapsed(let lapse, _):
            add(
                Event(
                    .lapse, .ok, mono: now, id: lapse.id.rawValue, token: lapse.token?.rawValue,
                    consumer: lapse.consumer?.description, lapses: lapse.lapses, note: "\(lapse.outcome)"))
        case .recovered(let count, _):
            add(Event(.node, .info, mono: now, consumer: consumer, how: "recovered", note: "\(count)"))
        case .gone(let gone, let leases):
            add(Event(.node, .info, mono: now, consumer: gone.description, how: "gone", note: "\(leases)"))
        case .started: add(Event(.node, .info, mono: now, consumer: consumer, how: "started"))
        case .stopping: add(Event(.node, .info, mono: now, consumer: consumer, how: "stopping"))
        case .stopped: add(Event(.node, .info, mono: now, consumer: consumer, how: "stopped"))
        }
    }

    private static func name(_ settle: Settle) -> String {
        switch settle {
        case .ack: "ack"
        case .lateAck: "late_ack"
        case .retry: "retry"
        case .reject: "reject"
        case .cancel: "cancel"
        case .release: "release"
        case .nothing: "nothing"
        }
    }
}
