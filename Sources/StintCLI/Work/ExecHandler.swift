import Foundation
import NIOCore
import Stint
import StintCore
import StintRuntime
import Subprocess

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// Runs one process for each job: the contract of `stint work --exec`.
struct ExecHandler: Sendable {
    /// A process that ignores SIGTERM is killed after this time.
    static let killAfter = Duration.seconds(5)
    /// The exit status that says: never.
    private static let rejectStatus: Int32 = 65

    /// Why a run failed; kept with the job.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let command: String
    /// Where the programs find the Redis of this node, and its keys, for `stint once`.
    let variables: [String: String]
    let stop: StopSwitch

    func run(_ context: JobContext) async throws {
        let result: ExecutionResult<(CappedOutput, CappedOutput), SequenceOutput, SequenceOutput>
        do {
            result = try await Subprocess.run(
                configuration(context), input: .inputWriter, output: .sequence, error: .sequence
            ) { execution in
                let payload = Array(context.payload.readableBytesView)
                // A child that does not read its input ends the pipe, which is its own affair.
                async let fed: Void = {
                    _ = try? await execution.standardInputWriter.write(payload)
                    try? await execution.standardInputWriter.finish()
                }()
                async let output = CappedOutput.read(execution.standardOutput)
                async let errors = CappedOutput.read(execution.standardError) { context.log($0) }
                let all = await (output, errors)
                await fed
                return all
            }
        } catch let error as SubprocessError {
            throw Failure(description: "cannot start /bin/sh: \(error)")
        }
        if Task.isCancelled { await endGroup(result.processIdentifier.value) }
        let (output, errors) = result.closureResult
        await pass(output, errors, of: context)
        try judge(result.terminationStatus, lastWords: errors.lastLine)
        try context.setResult(ByteBuffer(bytes: output.bytes))
    }

    private func configuration(_ context: JobContext) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: Self.killAfter)
        ]
        return Configuration(
            executable: .path("/bin/sh"), arguments: ["-c", command],
            environment: .inherit.updating(environment(context)),
            platformOptions: options
        )
    }

    private func environment(_ context: JobContext) -> [Environment.Key: String?] {
        var all: [Environment.Key: String?] = [
            "STINT_JOB_ID": context.id.rawValue, "STINT_QUEUE": context.queue.rawValue,
            "STINT_TYPE": context.type.rawValue, "STINT_ATTEMPT": String(context.attempt),
            "STINT_TOKEN": String(context.token.rawValue), "STINT_IDEMPOTENCY_KEY": context.idempotencyKey,
            "STINT_CONSUMER_ID": context.consumer.description, "STINT_CODEC": context.codec,
        ]
        for (name, value) in variables { all[Environment.Key(stringLiteral: name)] = value }
        return all
    }

    private func judge(_ status: TerminationStatus, lastWords: String?) throws {
        let words = lastWords.map { ": " + $0 } ?? ""
        switch status {
        case .exited(0): return
        case .exited(Self.rejectStatus): throw JobOutcome.reject(reason: "exit \(Self.rejectStatus)" + words)
        case .exited(let code): throw Failure(description: "exit \(code)" + words)
        case .signaled(let number):
            throw Failure(description: "killed by signal \(number) (\(String(cString: strsignal(number))))" + words)
        }
    }

    private func pass(_ output: CappedOutput, _ errors: CappedOutput, of context: JobContext) async {
        await Console.passError(errors.bytes)
        for (stream, name) in [(output, "output"), (errors, "errors")] where stream.isCut {
            Console.note("\(context.id): only the first \(CappedOutput.limit / 1024) KiB of its \(name) are shown")
        }
        do {
            try await Console.pass(output.bytes)
        } catch is CancellationError {
            // A stop, or the lease is lost: the run ends, whether or not its last words are read.
        } catch {
            // The job is done whether or not somebody reads what it said; more of them would speak to nobody.
            stop.raise(.brokenPipe)
        }
    }

    /// The shell is gone; what it had started was asked to end too, and gets the rest of the same time.
    ///
    /// The group's id cannot be another's while a member of it lives, and the first look that finds none ends this.
    private func endGroup(_ group: pid_t) async {
        // A task of its own: this one is cancelled, and could not sleep.
        await Task {
            let end = ContinuousClock.now + Self.killAfter
            while kill(-group, 0) == 0 {
                if ContinuousClock.now >= end {
                    kill(-group, SIGKILL)
                    return
                }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }.value
    }
}

/// What a process writes, up to a limit; the rest is read and dropped, so that the process is not held up.
struct CappedOutput: Sendable {
    static let limit = 64 << 10

    private(set) var bytes: [UInt8] = []
    private(set) var isCut = false
    private var tail: [UInt8] = []

    /// The last line that is not blank, on one line and not longer than a reason should be.
    var lastLine: String? {
        let text = String(decoding: isCut ? tail : bytes, as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).last { $0.contains { !$0.isWhitespace } }
        return line.map { Printable.clean(String($0.prefix(500))) }
    }

    /// - Parameter onLine: gets each line as it comes.
    static func read(
        _ sequence: SubprocessOutputSequence, onLine: (@Sendable (String) -> Void)? = nil
    ) async -> CappedOutput {
        var output = CappedOutput()
        var lines = LineCutter()
        do {
            for try await buffer in sequence {
                buffer.withUnsafeBytes { bytes in
                    output.add(bytes)
                    if let onLine { lines.add(bytes).forEach(onLine) }
                }
            }
        } catch {
            // The end of a pipe, in whatever way it comes, is the end of the output.
        }
        if let onLine, let last = lines.rest { onLine(last) }
        return output
    }

    private mutating func add(_ new: UnsafeRawBufferPointer) {
        let room = Self.limit - bytes.count
        bytes.append(contentsOf: new.prefix(room))
        guard new.count > room else { return }
        isCut = true
        tail.append(contentsOf: new.suffix(4096))
        if tail.count > 8192 { tail.removeFirst(tail.count - 4096) }
    }
}
