import ArgumentParser
import Foundation
import NIOCore
import Stint
import StintCore
import StintStore

struct Enqueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put jobs into a queue; prints their ids, one on each line.",
        discussion: """
            Without PAYLOAD, the payload is all of standard input, unless that is a terminal: then it is empty.

            --ndjson takes one JSON object on each line, with these keys, all optional: payload (a string, or any JSON \
            value: then its text is the payload), payload_base64, type, id, in ("30s") or in_ms, at (ISO 8601) or \
            at_ms, priority, max_failures, max_lapses, retry, retry_for, lease ("30s") or lease_ms, \
            timeout ("5m") or timeout_ms, \
            start_by ("10m" from now, or ISO 8601) or start_by_ms (since 1970), deadline or deadline_ms (the same), \
            estimate ("30s") or estimate_ms, sensitive (true or false), unique, unique_for ("10m") or unique_for_ms or \
            unique_until ("done", "started"), on_conflict, \
            keep_result ("1h") or keep_result_ms. Options of the command line are the defaults of every line.

            EXAMPLES
              stint enqueue mail '{"to":"ada"}' --in 10m
              stint enqueue cache '{"page":7}' --unique page-7 --on-conflict replace --in 5s
              stint enqueue report --id daily-2026-01-31 --priority 5
              find . -name '*.png' | stint enqueue thumbnails --lines -
              stint enqueue mail --ndjson jobs.ndjson --quiet
            """
    )

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "What the job carries: any text.")
    var payload: String?

    @Option(
        help: ArgumentHelp("Read the payload of one job from a file; - is standard input.", valueName: "file"),
        completion: .file())
    var payloadFile: String?

    @Option(
        help: ArgumentHelp("One job for each line of a file; - is standard input.", valueName: "file"),
        completion: .file())
    var lines: String?

    @Option(
        help: ArgumentHelp(
            "One job for each JSON object, one on each line of a file; - is standard input.", valueName: "file"),
        completion: .file())
    var ndjson: String?

    @Option(
        help: ArgumentHelp(
            "The job's own id: while it is known, the same id makes no second job. Default: a new one.",
            valueName: "id"), transform: Parse.id)
    var id: JobID?

    @OptionGroup(title: "Job options") var job: JobOptions
    @OptionGroup(title: "Payload options") var keys: PayloadKeyOptions

    @Flag(
        help: """
            Wait for the job's end and print its result in place of its id. Exit status 3: the job is dead, 4: it was \
            cancelled, 5: --wait-for is over. Its result is kept for 10 minutes, unless --keep-result says how long.
            """)
    var wait = false

    @Option(
        help: ArgumentHelp("Wait as --wait does, but not for longer than this.", valueName: "duration"),
        transform: Parse.duration)
    var waitFor: Duration?

    @Option(
        help: ArgumentHelp(
            "A job counts as enqueued only when this many replicas have it too: else the status is that of unconfirmed.",
            valueName: "count"), transform: Parse.replicas)
    var replicas: Durability?

    @Flag(name: .shortAndLong, help: "Print no ids.")
    var quiet = false

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if [payload, payloadFile, lines, ndjson].count(where: { $0 != nil }) > 1 {
            throw ValidationError("Give one of PAYLOAD, --payload-file, --lines and --ndjson.")
        }
        if id != nil, lines != nil || ndjson != nil {
            throw ValidationError("--id is for one job: give ids inside the lines of --ndjson.")
        }
        if waits, lines != nil || ndjson != nil { throw ValidationError("--wait is for one job.") }
        if job.unique.unique != nil, lines != nil || ndjson != nil {
            throw ValidationError("--unique is for one job: give keys inside the lines of --ndjson.")
        }
        try job.check(isMany: ndjson != nil)
    }

    func run() async throws {
        if lines != nil || ndjson != nil {
            try await enqueueStream()
        } else {
            try await enqueueOne()
        }
    }

    private var waits: Bool { wait || waitFor != nil }

    private func enqueueOne() async throws {
        let payload = try readPayload()
        try await redis.withClient(codec: keys.codec(), confirmedBy: replicas) { client in
            var draft = job.draft(payload: payload)
            draft.id = id
            var new = draft.job(mintedID: client.mint(1)[0])
            if waits, new.header.keepResult == nil { new.header.keepResult = JobResult.usualKeep }
            try new.validate()
            let receipts: [Receipt]
            do {
                receipts = try await client.enqueue([new], on: queue)
            } catch let error as StintError where error.code == .unconfirmed {
                throw CommandError(unconfirmed: error, new.id)
            }
            if waits {
                if Console.isErrorTerminal { Console.note("waiting for \(receipts[0].id)") }
            } else {
                try report(receipts)
            }
            try tell(receipts[0])
            if waits { try await JobResult.wait(for: receipts[0].id, on: queue, within: waitFor, client, output) }
        }
    }

    /// In words, what became of the one job.
    private func tell(_ receipt: Receipt) throws {
        switch receipt.outcome {
        case .accepted: break
        case .exists(let state):
            Console.note("\(receipt.id) exists already (\(state.rawValue)); nothing about it was changed")
        case .replaced(let id, let state):
            Console.note("\(id), which was \(state.rawValue), has this payload now")
        case .taken(let id, let state):
            Console.note("\(id) has the unique key (\(state.rawValue)); nothing was enqueued")
            if receipt.isRejected { throw CommandError.silent(.failure) }
        }
    }

    private func readPayload() throws -> ByteBuffer {
        if let payload { return ByteBuffer(string: payload) }
        if payloadFile == nil, Console.isInputTerminal { return ByteBuffer() }
        var source = try LineReader(path: payloadFile ?? "-", longestLine: Defaults.maxPayloadBytes)
        return try source.all()
    }

    // MARK: Streams

    private func enqueueStream() async throws {
        let isObjects = ndjson != nil
        let path = lines ?? ndjson ?? "-"
        let source = try LineReader(
            path: path, longestLine: isObjects ? NDJSONJob.longestLine : Defaults.maxPayloadBytes)
        try await redis.withClient(codec: keys.codec(), confirmedBy: replicas) { client in
            let template = job
            let feed = JobFeed(source) { line in
                isObjects ? try NDJSONJob.read(line, template) : JobDraft(template, payload: line)
            }
            try await consume(feed, client, path)
        }
    }

    private func consume(_ feed: JobFeed, _ client: StintClient, _ path: String) async throws {
        var tally = Tally(showsProgress: Console.isErrorTerminal && (quiet || !Console.isOutputTerminal))
        let interrupts = Interrupts { number, nth in
            if nth > 1 { (number == SIGINT ? ExitStatus.interrupted : .terminated).exit() }
            feed.stop(number)
        }
        defer { withExtendedLifetime(interrupts) {} }
        // One call is under way while the next lines are read and parsed elsewhere. Not more: calls that are repeated
        // after an outage would overtake each other, and order is what lines are for.
        for await batch in feed.batches {
            if feed.stopSignal != nil { break }
            switch batch {
            case .jobs(let drafts):
                let jobs = zip(client.mint(drafts.count), drafts).map { $1.job(mintedID: $0) }
                do {
                    let receipts = try await client.enqueue(jobs, on: queue)
                    tally.add(receipts)
                    try report(receipts)
                } catch let error as StintError {
                    throw tally.failure(error, jobs.count)
                }
            case .failed(let line, let reason):
                tally.endProgress()
                let place = path == "-" ? "line \(line)" : "line \(line) of \(path)"
                throw CommandError(
                    .badData, "\(place): \(reason)", advice: "Before it, \(tally.summary); nothing after it was sent.")
            }
            feed.taken()
        }
        tally.endProgress()
        if let number = feed.stopSignal {
            Console.note("stopped: \(tally.summary)")
            throw CommandError.silent(number == SIGINT ? .interrupted : .terminated)
        }
        if Console.isErrorTerminal || tally.existing + tally.replaced + tally.taken > 0 {
            Console.note("\(tally.summary) on \(queue)")
        }
        if tally.hasRejected { throw CommandError.silent(.failure) }
    }

    private func report(_ receipts: [Receipt]) throws {
        if output.json {
            var text = ""
            for receipt in receipts {
                receipt.json.write(to: &text)
                text += "\n"
            }
            return try Console.write(text)
        }
        if quiet { return }
        // Ids are printable: the validator of job ids lets nothing else in.
        try Console.write(receipts.filter { !$0.isRejected }.map { $0.id.rawValue + "\n" }.joined())
    }
}

extension CommandError {
    /// The one case in which a plain repetition might make a second job of it.
    init(unconfirmed error: StintError, _ id: JobID) {
        self.init(
            .unavailable, "\(error.operation): \(error.message): the job may have been accepted",
            advice: "Repeat it with --id \(id): that cannot make a second one.")
    }
}

extension Receipt {
    /// Refused because of its unique key, and not content with the job that has it.
    var isRejected: Bool {
        if case .taken(let holder, _) = outcome { holder != id } else { false }
    }

    fileprivate var json: JSON {
        var members: [(String, JSON)] = [("id", .string(id.rawValue)), ("queue", .string(queue.rawValue))]
        switch outcome {
        case .accepted: members.append(("outcome", .string("accepted")))
        case .exists(let state): members += [("outcome", .string("exists")), ("state", .string(state.rawValue))]
        case .taken(let holder, let state):
            members += [
                ("outcome", .string("taken")), ("holder", .string(holder.rawValue)), ("state", .string(state.rawValue)),
            ]
        case .replaced(_, let state):
            members += [("outcome", .string("replaced")), ("state", .string(state.rawValue))]
        }
        return .object(members)
    }
}
