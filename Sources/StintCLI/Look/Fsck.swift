import ArgumentParser
import Stint
import StintCore
import StintRuntime
import StintStore

struct Fsck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare the indexes of queues with their records, and repair what does not fit.",
        discussion: """
            For after a crash of Redis with a torn append-only file, or after hands in the keys. Works in small steps while \
            nodes and producers go on. No job is deleted: one that no index holds becomes ready, one in two indexes stays in \
            the one that is safest, and may then run once more.

            Exit status 1 says that something was found and not repaired.
            """)

    @Argument(help: "The queues. Default: all.", transform: Parse.queue)
    var queues: [QueueName] = []

    @Flag(help: "Repair what is found.")
    var repair = false

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func run() async throws {
        let isClean = try await redis.withClient { client in
            var total = 0
            var reports: [JSON] = []
            for queue in queues.isEmpty ? try await client.queues() : queues {
                let (outcome, findings) = try await check(queue, client)
                total += outcome.total
                reports.append(json(queue, outcome, findings))
                if !output.json { try Console.write(text(queue, outcome)) }
            }
            if output.json {
                try Console.write(JSON.object([("repaired", .bool(repair)), ("queues", .array(reports))]).text + "\n")
            } else if total > 0, !repair {
                Console.note("nothing was changed: --repair does what is said in brackets")
            }
            return total == 0 || repair
        }
        if !isClean { throw CommandError.silent(.failure) }
    }

    /// What is found is told at once where people read it: a large queue takes a while.
    private func check(
        _ queue: QueueName, _ client: StintClient
    ) async throws -> (FsckWalk.Outcome, [FsckStep.Finding]) {
        var findings: [FsckStep.Finding] = []
        var failure: (any Error)?
        let outcome = try await FsckWalk(client.store).run(queue, mends: repair) { finding in
            if output.json { return findings.append(finding) }
            let line = "\(queue)  \(Printable.clean(finding.id))  \(finding.problem): \(finding.problem.explanation)\n"
            do { try Console.write(line) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        return (outcome, findings)
    }

    private func text(_ queue: QueueName, _ outcome: FsckWalk.Outcome) -> String {
        let looked = "\(queue)  \(Printable.count(outcome.looked, "member")) looked at, "
        if outcome.total == 0 { return looked + "nothing wrong\n" }
        let counts = FsckProblem.allCases.compactMap { problem in
            outcome.counts[problem].map { "\($0) \(problem)" }
        }
        return looked + counts.joined(separator: ", ") + (repair ? ": repaired\n" : "\n")
    }

    private func json(_ queue: QueueName, _ outcome: FsckWalk.Outcome, _ findings: [FsckStep.Finding]) -> JSON {
        .object([
            ("name", .string(queue.rawValue)), ("looked", .int(outcome.looked)),
            (
                "findings",
                .array(
                    findings.map { finding in
                        .object([("problem", .string(finding.problem.rawValue)), ("id", .string(finding.id))])
                    })
            ),
        ])
    }
}

extension FsckProblem {
    /// What it is, and, in brackets, what a repair does.
    fileprivate var explanation: String {
        switch self {
        case .lost: "a record that no index holds (made ready)"
        case .leftover: "the record of a job that is done (removed)"
        case .twice: "in more than one index (kept in the safest)"
        case .empty: "no record, it cannot run (buried; a cancelled one is forgotten)"
        case .unheld: "leased by nobody (its lease ends now)"
        case .score: "its due time, deadline or order is none (now is taken)"
        case .unused: "a lease without a job (removed)"
        case .stray: "about a job that is not there, or a unique key of none (removed)"
        case .keyless: "without its unique key (it has it again, or does without)"
        case .token: "a token above the last one of the queue (which is raised)"
        }
    }
}
