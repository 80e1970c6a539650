import ArgumentParser
import Stint
import StintCore
import StintStore

struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Jobs: list, look at, explain, change, retry, edit, cancel.",
        subcommands: [
            JobList.self, JobShow.self, JobWhy.self, JobFailures.self, JobChange.self, JobRetry.self, JobEdit.self,
            JobCancel.self, JobAck.self, JobNack.self, JobRelease.self, JobExtend.self, JobResult.self, JobTail.self,
        ])
}

struct JobList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "The jobs of a queue.",
        discussion: """
            Without --state: those leased, ready, scheduled and dead, in this order. The states are

              scheduled   due later, or waiting after a failure
              ready       due, to be claimed by the next free node
              leased      claimed by a node, which runs it
              done        its handler said so; ids only, for a while
              dead        failed or lapsed too often, or rejected: kept for stint job retry
              cancelled   by stint job cancel, or by its handler
            """)

    /// Payloads come along: so many are asked for at a time.
    private static let step = 50

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Option(
        help: ArgumentHelp("One of \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "state"),
        transform: Parse.state)
    var state: JobState?

    @Option(help: ArgumentHelp("How many at most, 1 to 10000.", valueName: "count"))
    var limit = 20

    @Option(help: ArgumentHelp("How many to leave out first; with --state.", valueName: "count"))
    var offset = 0

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if !(1...10_000).contains(limit) { throw ValidationError("--limit is 1 to 10000.") }
        if offset < 0 { throw ValidationError("--offset is not negative.") }
        if offset > 0, state == nil { throw ValidationError("--offset goes with --state.") }
    }

    func run() async throws {
        let jobs = try await redis.withClient { try await look($0.inspector) }
        if output.json { return try Console.write(JSON.object([("jobs", .array(jobs.map { $0.json() }))]).text + "\n") }
        if jobs.isEmpty { return try Console.write("no jobs\n") }
        var table = Table([
            ("ID", .left), ("STATE", .left), ("TYPE", .left), ("ATTEMPT", .right), ("WHEN", .left), ("PAYLOAD", .left),
        ])
        for job in jobs {
            table.add([
                job.id.rawValue, job.state?.rawValue ?? "?", job.header?.type.rawValue ?? "-",
                String(job.tries.attempt),
                job.whenMs.map { Printable.relative(ms: $0, to: job.serverMs) } ?? "-",
                job.mask.map { Printable.clean($0) } ?? job.payload.map { Printable.preview($0) } ?? "-",
            ])
        }
        try Console.write(table.text)
    }

    private func look(_ inspector: Inspector) async throws -> [JobDetail] {
        var jobs: [JobDetail] = []
        for state in state.map({ [$0] }) ?? [.leased, .ready, .scheduled, .dead] where jobs.count < limit {
            let ids = try await inspector.ids(state, on: queue, offset: offset, limit: limit - jobs.count)
            for start in stride(from: 0, to: ids.count, by: Self.step) {
                let some = Array(ids[start..<min(start + Self.step, ids.count)])
                // Between the list and the look a job may have gone on, or away.
                jobs += try await inspector.jobs(some, on: queue).filter { $0.state != nil }
            }
        }
        return jobs
    }
}
