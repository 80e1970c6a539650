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
        help: ArgumentHelp(
            "When it is tried again after a failure: exponential:2s,1h (base, cap), fixed:5s or list:1s,5s,30s.",
            discussion: "Default: what its handler says, exponential:2s,1h with --exec.", valueName: "policy"),
        transform: Parse.retry)
    var retry: RetryPlan?

    @Option(
        help: ArgumentHelp(
            "For how long after the enqueue it is tried again, as 2h; a retry that would be due later buries it.",
            valueName: "duration"),
        transform: Parse.duration)
    var retryFor: Duration?

    @Option(
        help: ArgumentHelp("The job's own lease, as 30s. Default: the node's.", valueName: "duration"),
        transform: Parse.duration)
    var lease: Duration?

    @Option(
        help: ArgumentHelp(
            "How long one run may take, as 5m: then it is cancelled, and has failed. Default: for ever.",
            valueName: "duration"),
        transform: Parse.duration)
    var timeout: Duration?

    @Flag(help: "Keep the payload out of what stint prints; see job show --reveal.")
    var sensitive = false

    @Option(
        help: ArgumentHelp(
            "Never started later than this, as 10m from now or as a time: then the job is dead.", valueName: "when"),
        transform: Parse.moment)
    var startBy: Moment?

    @Option(
        help: ArgumentHelp(
            "For a queue ordered by deadlines, as 10m from now or as a time: the earliest runs first.",
            valueName: "when"), transform: Parse.moment)
    var deadline: Moment?

    @Option(
        help: ArgumentHelp(
            "For a queue that runs the shortest jobs first: how long this one may take, as 30s.", valueName: "duration"
        ), transform: Parse.duration)
    var estimate: Duration?

    @Option(
        help: ArgumentHelp(
            "Keep the job's result for this long after it is done, as 1h: see stint job result.", valueName: "duration"),
        transform: Parse.duration)
    var keepResult: Duration?

    @OptionGroup(title: "Unique jobs") var unique: UniqueOptions

    func check(isMany: Bool) throws {
        try unique.check(hasKeyElsewhere: isMany)
        if delay != nil, at != nil { throw ValidationError("Give one of --in and --at.") }
        do {
            try header.validate()
            try draft(payload: ByteBuffer()).validate()
        } catch {
            throw ValidationError("\(error.message). \(error.advice)")
        }
    }

    var header: JobHeader {
        var header = JobHeader(
            type: type, priority: priority, lease: lease, maxFailures: maxFailures, maxLapses: maxLapses,
            startBy: startBy, deadline: deadline, estimate: estimate, timeout: timeout, keepResult: keepResult)
        header.isSensitive = sensitive
        header.retry = retry
        header.retryUntil = retryFor.map { .after($0) }
        return header
    }

    var due: Due { at.map { .at(ms: $0) } ?? delay.map { $0 > .zero ? .after($0) : .now } ?? .now }

    func draft(payload: ByteBuffer) -> JobDraft { JobDraft(self, payload: payload) }
}

/// A job of a stream before it has an id, unless it brings one.
struct JobDraft: Sendable {
    var id: JobID?
    var header: JobHeader
    var payload: ByteBuffer
    var due: Due
    var unique: UniqueDraft

    init(_ template: JobOptions, payload: ByteBuffer) {
        self.header = template.header
        self.due = template.due
        self.payload = payload
        self.unique = UniqueDraft(template.unique)
    }

    func job(mintedID: JobID) -> NewJob {
        var job = NewJob(id: id ?? mintedID, isFresh: id == nil, header: header, payload: payload, due: due)
        unique.apply(to: &job)
        return job
    }

    /// Everything that could make an enqueue refuse the job, so that a bad one is known by its line.
    func validate() throws(StintError) {
        try job(mintedID: JobID(unchecked: "draft")).validate()
    }
}
