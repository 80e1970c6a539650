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
            at_ms, priority, max_failures, max_lapses, lease ("30s") or lease_ms, keep_result or keep_result_ms. Options of the command line are the \
            defaults of every line.

            EXAMPLES
              stint enqueue mail '{"to":"ada"}' --in 10m
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
        try job.check()
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
        try await redis.withClient { client in
            var new = job.job(id: id ?? client.mint(1)[0], isFresh: id == nil, payload: payload)
            if waits, new.header.keepResult == nil { new.header.keepResult = JobResult.usualKeep }
            try new.validate()
            let receipts: [Receipt]
            do {
                receipts = try await client.enqueue([new], on: queue)
            } catch let error as StintError where error.code == .unconfirmed {
                throw CommandError(unconfirmed: error, new.id)
            }
            if waits {
                if Console.isErrorTerminal { Console.note("waiting for \(new.id)") }
            } else {
                try report(receipts)
            }
            if case .exists(let state) = receipts[0].outcome {
                Console.note("\(receipts[0].id) exists already (\(state.rawValue)); nothing about it was changed")
            }
            if waits { try await JobResult.wait(for: new.id, on: queue, within: waitFor, client, output) }
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
        try await redis.withClient { client in
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
        if Console.isErrorTerminal || tally.existing > 0 { Console.note("\(tally.summary) on \(queue)") }
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
        try Console.write(receipts.map { $0.id.rawValue + "\n" }.joined())
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
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [("id", .string(id.rawValue)), ("queue", .string(queue.rawValue))]
        switch outcome {
        case .accepted: members.append(("outcome", .string("accepted")))
        case .exists(let state): members += [("outcome", .string("exists")), ("state", .string(state.rawValue))]
        }
        return .object(members)
    }
}
