import ArgumentParser
import Foundation
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import Subprocess

#if canImport(System)
import System
#else
import SystemPackage
#endif

struct Once: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Inside a program of stint work --exec: run a command once for the job, whatever its later runs do.",
        discussion: """
            What the command prints is noted in Redis when it ends with status 0. A later run of the same job gets that \
            printed, and the command is not run. A command that fails is not noted, and its status is passed on; so the \
            next run tries it again, and so it does when this process dies before the note. STINT_IDEMPOTENCY_KEY of the \
            command is the same in every run, and no other step's: give it to services that recognise one.

            It finds the job by STINT_JOB_ID, STINT_QUEUE, STINT_TOKEN and STINT_CONSUMER_ID, which stint work --exec \
            sets. All steps of a job have room for 64 KiB. Of a job whose payload is encrypted what is noted is encrypted, too.

            EXAMPLES
              stint once charge -- ./charge.sh "$order"
              receipt=$(stint once charge -- ./charge.sh "$order") || exit
            """)

    /// Asked again for this long when Redis is away for a moment: a note that is lost is a step that is repeated.
    fileprivate static let askFor = Duration.seconds(10)

    @Argument(help: "Names the step within the job: 1 to 128 printable ASCII characters without spaces.")
    var step: String

    @Argument(help: ArgumentHelp("What to run, with its arguments, behind --.", valueName: "command"))
    var command: [String]

    @OptionGroup(title: "Payload options") var keys: PayloadKeyOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        // The rule of ids, so that the key is one that services take.
        _ = try Parse.id(step)
    }

    func run() async throws {
        let job = try LeasedStep(step, keys.codec())
        try await redis.withClient { client in
            switch try await job.note(nil, client) {
            case .noted(let noted): return try print(await job.decoded(noted))
            case .open: break
            case .full:
                throw StintError(
                    .stepsFull, job.operation, "there is no room for what it comes to; it was not done",
                    advice: LeasedStep.limits)
            case .refused(let refusal): throw job.leaseLost(refusal, "it was not done")
            }
            let output = try await perform(job)
            let value = try await job.encoded(output)
            switch try await job.note(value, client) {
            case .noted(let noted): try print(noted == value ? output : await job.decoded(noted))
            case .open, .full:
                throw StintError(
                    .stepsFull, job.operation,
                    "it was done, but what it printed is too large to be noted: \(output.readableBytes) bytes",
                    advice: "The next run does it again. " + LeasedStep.limits)
            case .refused(let refusal): throw job.leaseLost(refusal, "it was done, and could not be noted")
            }
        }
    }

    /// Runs the command; its input and its standard error are ours.
    private func perform(_ job: LeasedStep) async throws -> ByteBuffer {
        let (output, status): (CappedOutput, TerminationStatus)
        do {
            let result = try await Subprocess.run(
                .name(command[0]), arguments: Arguments(Array(command.dropFirst())),
                environment: .inherit.updating(["STINT_IDEMPOTENCY_KEY": job.idempotencyKey]),
                input: .currentStandardInput, output: .sequence, error: .currentStandardError
            ) { await CappedOutput.read($0.standardOutput) }
            (output, status) = (result.closureResult, result.terminationStatus)
        } catch let error as SubprocessError {
            throw CommandError(.failure, "\(job.operation): \(command[0]) cannot be started: \(error)")
        }
        let failed: Int32
        switch status {
        case .exited(let status): failed = status
        case .signaled(let number): failed = 128 + number
        }
        guard failed == 0 else {
            if output.isCut { Console.note("\(job.operation): only the first 64 KiB of its output are shown") }
            try print(ByteBuffer(bytes: output.bytes))
            throw ExitCode(failed)
        }
        guard !output.isCut else {
            throw StintError(
                .stepsFull, job.operation, "it was done, but it printed more than 64 KiB, which cannot be noted",
                advice: "The next run does it again. " + LeasedStep.limits)
        }
        return ByteBuffer(bytes: output.bytes)
    }

    private func print(_ output: ByteBuffer) throws {
        try output.withUnsafeReadableBytes { try Console.write($0) }
    }
}

/// A step of the job for which this process runs.
private struct LeasedStep {
    static let limits =
        "A job may have \(Defaults.maxSteps) steps and \(Defaults.maxStepBytes) bytes of what they come to: print less, as an address."

    let step: String
    let queue: QueueName
    let held: Held
    let consumer: ConsumerID
    private let header: JobHeader
    private let codec: (any PayloadCodec)?

    var operation: String { "step \(step) of \(held.id)" }
    var idempotencyKey: String { "\(queue)/\(held.id)/\(step)" }

    /// - Throws: ``CommandError`` when there is no such job in the environment; ``StintError`` with code `keyMissing` when its payload
    ///   is encoded and there are no keys.
    init(_ step: String, _ codec: (any PayloadCodec)?) throws {
        func variable(_ name: String) throws -> String {
            guard let text = environment(name) else {
                throw CommandError(
                    .usage, "\(name) is not set",
                    advice: "stint once is for programs that stint work --exec runs: it sets what tells of the job.")
            }
            return text
        }
        func wrong(_ name: String) -> CommandError {
            CommandError(.usage, "\(name) is not what stint work --exec has set")
        }
        self.step = step
        queue = try Parse.queue(try variable("STINT_QUEUE"))
        let id = try Parse.id(try variable("STINT_JOB_ID"))
        guard let token = Int64(try variable("STINT_TOKEN")) else { throw wrong("STINT_TOKEN") }
        guard let consumer = ConsumerID(parsing: try variable("STINT_CONSUMER_ID")) else {
            throw wrong("STINT_CONSUMER_ID")
        }
        (held, self.consumer) = (Held(id: id, token: Token(rawValue: token)), consumer)
        var header = JobHeader(type: .plain)
        if let name = environment("STINT_CODEC") {
            header.type = try Parse.type(try variable("STINT_TYPE"))
            header.codec = name
        }
        (self.header, self.codec) = (header, codec)
        if let name = header.codec, codec == nil {
            throw StintError(
                .keyMissing, operation, "the job is encoded by \(name), and there are no keys here; it was not done",
                advice: "Name the file of the worker's keys by --payload-keys or STINT_PAYLOAD_KEYS.")
        }
    }

    func encoded(_ output: ByteBuffer) async throws -> ByteBuffer {
        try await ValueCodec(codec).encode(output, .step(step), of: held.id, header, on: queue)
    }

    func decoded(_ noted: ByteBuffer) async throws -> ByteBuffer {
        try await ValueCodec(codec).decode(noted, .step(step), of: held.id, on: queue)
    }

    func note(_ value: ByteBuffer?, _ client: StintClient) async throws(StintError) -> StepNote {
        let end = ContinuousClock.now.advanced(by: Once.askFor)
        while true {
            do {
                return try await client.store.once(step, of: held, noting: value, on: queue, by: consumer)
            } catch {
                guard error.isPassing, ContinuousClock.now < end else { throw error }
                do { try await Task.sleep(for: .milliseconds(300)) } catch _ { throw error }
            }
        }
    }

    func leaseLost(_ refusal: Refusal, _ what: String) -> StintError {
        StintError(
            .leaseLost, operation, "the lease of this run is over (\(refusal)): \(what)",
            advice:
                "Stop without side effects; another run takes care of the job. When Redis is the wrong one: see --redis"
        )
    }
}
