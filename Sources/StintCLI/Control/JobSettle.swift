import ArgumentParser
import Stint
import StintCore
import StintStore

/// A lease, as `stint pull` prints it.
struct LeaseOptions: ParsableArguments {
    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Argument(help: "The job's id.", transform: Parse.id)
    var id: JobID

    @Option(help: ArgumentHelp("The token of the claim, as stint pull prints it.", valueName: "token"))
    var token: Int64

    @Option(
        help: ArgumentHelp("The consumer ID of the claim, as stint pull prints it.", valueName: "consumer"),
        transform: Self.consumer)
    var consumer: ConsumerID

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    var held: Held { Held(id: id, token: Token(rawValue: token)) }

    private static func consumer(_ text: String) throws -> ConsumerID {
        guard let consumer = ConsumerID(parsing: text) else {
            throw ValidationError("A consumer ID has a name, / and a nonce, as stint pull prints it.")
        }
        return consumer
    }

    /// - Parameter outcome: one word; a refusal has its own.
    func print(_ outcome: String, _ text: String, refusal: Refusal? = nil) throws {
        let answer =
            switch refusal {
            case nil: JobAnswer(id: id, answer: outcome, isRight: true, text: text)
            case .gone:
                JobAnswer(
                    id: id, answer: "gone", isRight: false, text: "is not held by anybody: settled, or taken back")
            case .stale: JobAnswer(id: id, answer: "stale", isRight: false, text: "is held under another lease")
            }
        try JobAnswer.print([answer], on: queue, output)
    }
}

struct JobAck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ack", abstract: "Settle a pulled job as done.",
        discussion: "Exit status 1 says that the lease is over: somebody else has the job, or it was settled before.")

    @OptionGroup var lease: LeaseOptions

    func run() async throws {
        let settlement = try await lease.redis.withClient { client in
            try await client.store.ack([lease.held], on: lease.queue, by: lease.consumer)
        }
        try lease.print("done", "is done", refusal: settlement.refused.first?.refusal)
    }
}

struct JobNack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nack",
        abstract: "Settle a pulled job as failed: tried again, or dead when its failures are spent.")

    @OptionGroup var lease: LeaseOptions

    @Option(help: ArgumentHelp("What went wrong; kept with the job.", valueName: "text"))
    var reason = "it failed"

    @Option(
        help: ArgumentHelp(
            "When it is tried again, as 30s. Default: what its own policy says, or else exponential:2s,1h.",
            valueName: "duration"), transform: Parse.duration)
    var delay: Duration?

    @Flag(help: "Never try it again: it is dead at once.")
    var reject = false

    func validate() throws {
        if reject, delay != nil { throw ValidationError("Give one of --delay and --reject.") }
    }

    func run() async throws {
        let outcome = try await lease.redis.withClient { client in
            let job = try await client.job(lease.id, on: lease.queue)
            let policy = job?.header?.retry?.policy() ?? .standard
            let wait = policy.delay(
                afterFailures: (job?.tries.failures ?? 0) + 1, random: .random(in: 0..<1))
            let nack = Nack(
                lease.held, reject ? .reject : .retry, delay: delay ?? wait,
                maxFailures: job?.header?.maxFailures ?? Defaults.maxFailures, reason: reason)
            return try await client.store.nack([nack], on: lease.queue, by: lease.consumer)[0]
        }
        switch outcome {
        case .retried: try lease.print("retried", "will be tried again")
        case .dead: try lease.print("dead", "is dead")
        case .cancelled: try lease.print("cancelled", "is cancelled")
        case .refused(let refusal): try lease.print("", "", refusal: refusal)
        }
    }
}

struct JobRelease: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Hand a pulled job back as if it had never been claimed.")

    @OptionGroup var lease: LeaseOptions

    @Option(
        help: ArgumentHelp(
            "Not to be claimed before, as 30s. Default: at once, before all others.", valueName: "duration"),
        transform: Parse.duration)
    var delay: Duration = .zero

    func run() async throws {
        let settlement = try await lease.redis.withClient { client in
            try await client.store.release([lease.held], on: lease.queue, by: lease.consumer, delay: delay)
        }
        try lease.print("released", "is released", refusal: settlement.refused.first?.refusal)
    }
}

struct JobExtend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extend", abstract: "Hold a pulled job for longer.",
        discussion:
            "Exit status 1 says that the lease is over, or that somebody wants the job cancelled: stop its work.")

    @OptionGroup var lease: LeaseOptions

    @Option(
        name: .customLong("lease"), help: ArgumentHelp("For how long from now, as 30s.", valueName: "duration"),
        transform: Parse.duration)
    var length: Duration = Defaults.lease

    func validate() throws {
        if length < .milliseconds(100) || length > .seconds(7 * 86_400) {
            throw ValidationError("--lease is 100ms to 7d.")
        }
    }

    func run() async throws {
        let reply = try await lease.redis.withClient { client in
            try await client.store.extend([(lease.held, length)], on: lease.queue, by: lease.consumer)
        }
        if let reason = reply.cancels.first?.reason {
            let text = "is wanted cancelled: \(reason)"
            return try JobAnswer.print(
                [JobAnswer(id: lease.id, answer: "cancel", isRight: false, text: text)], on: lease.queue, lease.output)
        }
        try lease.print("extended", "is held for \(Printable.duration(length))", refusal: reply.refused.first?.refusal)
    }
}
