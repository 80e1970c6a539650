import ArgumentParser
import StintCore
import StintStore

/// How jobs are unique: for one job, or, without the key, as the defaults of many.
struct UniqueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "At most one job of the queue has this key at a time: until it ends, unless --until-started or --unique-for "
                + "say otherwise.", valueName: "key"))
    var unique: String?

    @Option(
        help: ArgumentHelp(
            "The key is held for this time from now on, as 10m, also when the job is done sooner.",
            valueName: "duration"), transform: Parse.duration)
    var uniqueFor: Duration?

    @Flag(help: "The key is held until the job is claimed first.")
    var untilStarted = false

    @Option(
        help: ArgumentHelp(
            "When another job has the key: reject = an error that says which; existing = print its id; replace = it has "
                + "this payload, and these options and due time, from now on; a running one goes on beside the new one.",
            valueName: "reject|existing|replace"), transform: Self.conflict)
    var onConflict: UniqueConflict = .reject

    var span: UniqueSpan { uniqueFor.map { .time($0) } ?? (untilStarted ? .untilStarted : .untilDone) }

    private static func conflict(_ text: String) throws -> UniqueConflict {
        guard let conflict = UniqueConflict(rawValue: text) else {
            throw ValidationError("It is reject, existing or replace.")
        }
        return conflict
    }

    func check(hasKeyElsewhere: Bool) throws {
        if uniqueFor != nil, untilStarted { throw ValidationError("Give one of --unique-for and --until-started.") }
        guard unique == nil else { return }
        if !hasKeyElsewhere, uniqueFor != nil || untilStarted || onConflict != .reject {
            throw ValidationError("--unique-for, --until-started and --on-conflict need --unique.")
        }
    }
}

/// What a job on its way says of its unique key.
struct UniqueDraft: Sendable {
    /// `nil` = it has none.
    var key: String?
    var span: UniqueSpan
    var conflict: UniqueConflict

    init(_ options: UniqueOptions) {
        (key, span, conflict) = (options.unique, options.span, options.onConflict)
    }

    func apply(to job: inout NewJob) {
        if let key { job.makeUnique(Unique(key, conflict: conflict), span) }
    }
}
