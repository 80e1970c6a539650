import ArgumentParser
import NIOCore
import Stint
import StintCore
import StintStore

struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Claim jobs for a program that runs them by itself.",
        discussion: """
            Prints one line for each job: its id, the token and the consumer ID that settle it, and its payload; with --json \
            an object. Nobody extends the leases: settle a job before its lease ends, or extend it by stint job extend. A \
            job whose lease has ended is run again by somebody else.

            EXAMPLE
              stint pull mail --wait 30s --json | while read -r job; do
                get() { jq -r ".$1" <<< "$job"; }
                if get payload | ./send.sh
                then stint job ack mail "$(get id)" --token "$(get token)" --consumer "$(get consumer)"
                else stint job nack mail "$(get id)" --token "$(get token)" --consumer "$(get consumer)" --reason failed
                fi
              done
            """)

    @Argument(help: "The queue.", transform: Parse.queue)
    var queue: QueueName

    @Option(help: ArgumentHelp("How many jobs at most, 1 to 1000.", valueName: "count"))
    var limit = 1

    @Option(
        help: ArgumentHelp(
            "How long they are held, as 30s, unless they have a lease of their own.", valueName: "duration"),
        transform: Parse.duration)
    var lease: Duration = Defaults.lease

    @Option(
        help: ArgumentHelp("How long to wait for a job, as 30s. Default: not at all.", valueName: "duration"),
        transform: Parse.duration)
    var wait: Duration = .zero

    @Option(help: ArgumentHelp("The first part of the consumer ID. Default: the host's name.", valueName: "name"))
    var name: String?

    @OptionGroup(title: "Payload options") var keys: PayloadKeyOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if !(1...Defaults.maxJobsPerCall).contains(limit) { throw ValidationError("--limit is 1 to 1000.") }
    }

    func run() async throws {
        try await redis.withClient(codec: keys.codec()) { client in
            let puller = try client.puller(for: queue, lease: lease, name: name)
            let jobs = try await puller.claim(limit, waitingUpTo: wait)
            do {
                for job in jobs { try Console.write(output.json ? job.json.text + "\n" : job.line) }
            } catch {
                // Nobody has heard of them.
                _ = try? await puller.release(jobs)
                throw error
            }
        }
    }
}

extension LeasedJob {
    fileprivate var line: String {
        "\(id)\t\(token)\t\(consumer)\t\(Printable.preview(payload))\n"
    }

    fileprivate var json: JSON {
        .object([
            ("id", .string(id.rawValue)), ("queue", .string(queue.rawValue)), ("type", .string(type.rawValue)),
            ("token", .int(token.rawValue)), ("consumer", .string(consumer.description)), ("attempt", .int(attempt)),
            ("failures", .int(failures)), ("lapses", .int(lapses)), ("lease_ms", .ms(lease)),
            ("held_for_ms", .ms(ContinuousClock.now.duration(to: deadline))),
            ("idempotency_key", .string(idempotencyKey)), Printable.payloadMember(payload),
        ])
    }
}
