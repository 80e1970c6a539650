import Dispatch
import Foundation
import StintCore
import StintRuntime
import StintStore
import Synchronization

/// A file of every event of a node, one JSON object on each line. Any number of nodes may share one.
///
/// An event is in a regular file before the node goes on: so that a killed node's history lacks nothing that had
/// happened. That is a write to the page cache, which waits for nobody, so the event loop may do it. A pipe or a terminal
/// may have a reader that has stopped: what is meant for one goes through a thread of its own, and a killed node's last
/// events may be missing. Each call is one write, appended as a whole.
final class History: Sendable {
    private let descriptor: Int32
    private let path: String
    private let lost: Lost
    /// `nil` = a regular file.
    private let writer: BackgroundWriter?

    private final class Lost: Sendable {
        let count = Atomic(0)

        /// The work matters more than its history: said once.
        func add(_ lines: Int, _ path: String, _ why: String) {
            if count.add(lines, ordering: .relaxed).oldValue == 0 {
                Console.note("the history \(path) cannot be written (\(why)); the work goes on")
            }
        }
    }

    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CommandError(.failure, "--history: \(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        self.path = path
        var about = stat()
        let isFile = fstat(descriptor, &about) == 0 && about.st_mode & S_IFMT == S_IFREG
        let lost = Lost()
        self.lost = lost
        writer =
            isFile
            ? nil
            : BackgroundWriter(descriptor, label: "stint.history", limitBytes: 4 << 20) { lines, loss in
                switch loss {
                case .full: lost.add(lines, path, "nobody reads it")
                case .failed(let number): lost.add(lines, path, String(cString: strerror(number)))
                }
                return ""
            }
    }

    // The writer's thread keeps this descriptor's number for as long as it has something to write.
    deinit { if writer == nil { close(descriptor) } }

    /// At the end: says how much is missing, if anything is.
    func finish() {
        let unwritten = writer?.flush() ?? 0
        let count = lost.count.load(ordering: .relaxed) + unwritten
        if count > 0 { Console.note("\(Printable.count(count, "event")) could not be written to \(path)") }
    }

    func add(_ event: NodeEvent, by consumer: ConsumerID) {
        let common: [(String, JSON)] = [
            ("at_ms", .int(Int64(Date().timeIntervalSince1970 * 1000))),
            // One clock for all processes of the machine: tells which of two nodes' events came first.
            ("mono_ns", .int(Int64(DispatchTime.now().uptimeNanoseconds))),
            ("consumer", .string(consumer.description)),
        ]
        var text = ""
        var count = 0
        for (name, members) in Self.lines(event) {
            JSON.object([("event", .string(name))] + common + members).write(to: &text)
            text += "\n"
            count += 1
        }
        if let writer { return writer.add(text, lines: count) }
        let number = text.withUTF8 { Console.writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
        if number != 0 { lost.add(count, path, String(cString: strerror(number))) }
    }

    private static func lines(_ event: NodeEvent) -> [(String, [(String, JSON)])] {
        switch event {
        case .started: [("started", [])]
        case .stopping: [("stopping", [])]
        case .stopped: [("stopped", [])]
        case .claimed(let jobs, let queue): jobs.map { ("claimed", about($0, queue)) }
        case .runBegan(let job, let queue): [("run_began", about(job, queue))]
        case .runEnded(let job, let queue, let settle): [("run_ended", about(job, queue) + how(settle))]
        case .handedBack(let job, let queue, let settle): [("handed_back", about(job, queue) + how(settle))]
        case .settled(let job, let queue, let settle): [("settled", about(job, queue) + how(settle))]
        case .refused(let job, let queue, let settle, let refusal):
            [("refused", about(job, queue) + how(settle) + [("refusal", .string("\(refusal)"))])]
        case .abandoned(let job, let queue, let settle): [("abandoned", about(job, queue) + how(settle))]
        case .handlerAbandoned(let job, let queue, let settle): [("handler_abandoned", about(job, queue) + how(settle))]
        case .leaseLost(let job, let queue): [("lease_lost", about(job, queue))]
        case .recovered(let count, let queue):
            [("recovered", [("queue", .string(queue.rawValue)), ("count", .int(count))])]
        case .gone(let gone, let leases):
            [("gone", [("gone_consumer", .string(gone.description)), ("leases", .int(leases))])]
        case .lapsed(let lapse, let queue):
            [
                (
                    "lapsed",
                    [
                        ("queue", .string(queue.rawValue)), ("job", .string(lapse.id.rawValue)),
                        ("lost_token", .optional(lapse.token?.rawValue)),
                        ("lost_consumer", .optional(lapse.consumer?.description)),
                        ("outcome", .string("\(lapse.outcome)")), ("lapses", .int(lapse.lapses)),
                    ]
                )
            ]
        }
    }

    private static func about(_ job: ClaimedJob, _ queue: QueueName) -> [(String, JSON)] {
        [
            ("queue", .string(queue.rawValue)), ("job", .string(job.id.rawValue)), ("token", .int(job.token.rawValue)),
            ("attempt", .int(job.tries.attempt)),
        ]
    }

    private static func how(_ settle: Settle) -> [(String, JSON)] {
        let (name, reason): (String, String?) =
            switch settle {
            case .ack: ("ack", nil)
            case .lateAck: ("late_ack", nil)
            case .retry(_, _, let reason): ("retry", reason)
            case .reject(let reason): ("reject", reason)
            case .cancel(let reason): ("cancel", reason)
            case .release: ("release", nil)
            case .nothing: ("nothing", nil)
            }
        return [("settle", .string(name))] + (reason.map { [("reason", .string($0))] } ?? [])
    }
}
