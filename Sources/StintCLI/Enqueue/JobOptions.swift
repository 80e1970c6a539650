import ArgumentParser
import NIOCore
import Stint
import StintCore
import StintStore

/// How jobs are enqueued: for one job, or as the defaults of many.
struct JobOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The kind of the job, by which nodes choose the handler. Default: job.", valueName: "type"),
        transform: Parse.type)
    var type: JobType = .plain

    @Option(
        name: .customLong("in"), help: ArgumentHelp("Due after this time, as 30s or 1h30m.", valueName: "duration"),
        transform: Parse.duration)
    var delay: Duration?

    @Option(help: ArgumentHelp("Due at this time, as 2026-01-31T10:00:00Z.", valueName: "time"), transform: Parse.time)
    var at: Int64?

    @Option(help: ArgumentHelp("Higher runs sooner: -100 to 100.", valueName: "number"))
    var priority = 0

    @Option(
        help: ArgumentHelp(
            "How many failures make it a dead job. Default: \(Defaults.maxFailures).", valueName: "count"))
    var maxFailures: Int?

    @Option(
        help: ArgumentHelp(
            "How many lapses of its lease, as when nodes die, make it a dead job. Default: \(Defaults.maxLapses).",
            valueName: "count"))
    var maxLapses: Int?

    @Option(
        help: ArgumentHelp("The job's own lease, as 30s. Default: the node's.", valueName: "duration"),
        transform: Parse.duration)
    var lease: Duration?

    @Option(
        help: ArgumentHelp(
            "Keep the job's result for this long after it is done, as 1h: see stint job result.", valueName: "duration"),
        transform: Parse.duration)
    var keepResult: Duration?

    func check() throws {
        if delay != nil, at != nil { throw ValidationError("Give one of --in and --at.") }
        do {
            try header.validate()
        } catch {
            throw ValidationError("\(error.message). \(error.advice)")
        }
    }

    var header: JobHeader {
        JobHeader(
            type: type, priority: priority, lease: lease, maxFailures: maxFailures, maxLapses: maxLapses,
            keepResult: keepResult)
    }

    var due: Due { at.map { .at(ms: $0) } ?? delay.map { $0 > .zero ? .after($0) : .now } ?? .now }

    func job(id: JobID, isFresh: Bool, payload: ByteBuffer) -> NewJob {
        NewJob(id: id, isFresh: isFresh, header: header, payload: payload, due: due)
    }
}

/// A job of a stream before it has an id, unless it brings one.
struct JobDraft: Sendable {
    var id: JobID?
    var header: JobHeader
    var payload: ByteBuffer
    var due: Due

    init(_ template: JobOptions, payload: ByteBuffer) {
        self.init(header: template.header, due: template.due, payload: payload)
    }

    init(header: JobHeader, due: Due, payload: ByteBuffer) {
        self.header = header
        self.due = due
        self.payload = payload
    }

    func job(mintedID: JobID) -> NewJob {
        NewJob(id: id ?? mintedID, isFresh: id == nil, header: header, payload: payload, due: due)
    }

    /// Everything that could make an enqueue refuse the job, so that a bad one is known by its line.
    func validate() throws(StintError) {
        try job(mintedID: JobID(unchecked: "draft")).validate()
    }
}
