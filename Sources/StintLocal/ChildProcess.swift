import Subprocess
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif
#if canImport(System)
import System
#else
import SystemPackage
#endif

/// A child process that lives as long as it likes: its lines can be read while it runs, it can be sent signals, and its
/// end is noticed at once, even while its own children still hold its output open.
///
/// Its standard input stays open, and silent, until ``closeInput()``, until the last reference to this object is gone,
/// or until this process dies in whatever way: a child that must not outlive us waits for the end of its input.
package final class ChildProcess: Sendable {
    package enum Exit: Sendable, Hashable {
        case code(Int32)
        case signal(Int32)
    }

    package let pid: Int32
    /// The lines of standard output and of standard error, from the first one on.
    package let output: OutputLines
    package let errorOutput: OutputLines
    private let input: AsyncStream<Never>.Continuation
    private let reaped: Reaped
    private let supervisor: Task<Exit, any Error>

    private init(
        pid: Int32, output: OutputLines, errorOutput: OutputLines, input: AsyncStream<Never>.Continuation,
        reaped: Reaped,
        supervisor: Task<Exit, any Error>
    ) {
        self.pid = pid
        self.output = output
        self.errorOutput = errorOutput
        self.input = input
        self.reaped = reaped
        self.supervisor = supervisor
    }

    deinit { input.finish() }

    /// Starts `executable`, a path. `environment` changes the inherited one; nil removes a variable.
    /// A new session keeps the child out of reach of the terminal's Ctrl-C.
    package static func spawn(
        _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
        workingDirectory: String? = nil, newSession: Bool = false
    ) async throws -> ChildProcess {
        var options = PlatformOptions()
        options.createSession = newSession
        let changes = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        let configuration = Configuration(
            executable: .path(FilePath(executable)), arguments: Arguments(arguments),
            environment: .inherit.updating(Dictionary(uniqueKeysWithValues: changes)),
            workingDirectory: workingDirectory.map { FilePath($0) }, platformOptions: options)
        let (inputEnd, input) = AsyncStream.makeStream(of: Never.self)
        let (pids, pidFound) = AsyncStream.makeStream(of: Int32.self)
        let (output, errorOutput, reaped) = (OutputLines(), OutputLines(), Reaped())
        // Unstructured: the child's life is not a scope of its starter's. The task ends with the child, whose end
        // `deinit` brings about only for children that watch their input.
        let supervisor = Task {
            defer {
                reaped.flag.store(true, ordering: .releasing)
                pidFound.finish()
                output.finish()
                errorOutput.finish()
            }
            let result = try await run(configuration, input: .inputWriter, output: .sequence, error: .sequence) {
                pidFound.yield($0.processIdentifier.value)
                await supervise($0, inputEnd, output, errorOutput)
            }
            return switch result.terminationStatus {
            case .exited(let code): Exit.code(code)
            case .signaled(let number): Exit.signal(number)
            }
        }
        for await pid in pids {
            return ChildProcess(
                pid: pid, output: output, errorOutput: errorOutput, input: input, reaped: reaped, supervisor: supervisor
            )
        }
        input.finish()
        _ = try await supervisor.value
        throw LocalRedisError(.system, "cannot start \(executable)")
    }

    /// Ends the child's standard input. Does nothing the second time.
    package func closeInput() { input.finish() }

    /// Sends a signal; false when the child has ended already (its pid may belong to somebody else by then).
    @discardableResult
    package func signal(_ number: Int32) -> Bool { isRunning && kill(pid, number) == 0 }

    /// Asks the kernel, so that it is never late; a zombie has ended.
    package var isRunning: Bool {
        guard !reaped.flag.load(ordering: .acquiring) else { return false }
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_signo == 0
    }

    /// From here on the pid is nothing to us.
    private final class Reaped: Sendable {
        let flag = Atomic(false)
    }

    /// Waits for the end; may be called any number of times.
    package func waitForExit() async throws -> Exit { try await supervisor.value }

    /// Reads what the child writes until it has ended or has closed its output. Subprocess stops the reading at the
    /// child's end, so a grandchild that holds the same pipe open delays nothing.
    private static func supervise(
        _ execution: Execution<CustomWriteInput, SequenceOutput, SequenceOutput>, _ inputEnd: AsyncStream<Never>,
        _ output: OutputLines, _ errorOutput: OutputLines
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in inputEnd {}
                if !Task.isCancelled { try? await execution.standardInputWriter.finish() }
            }
            async let first: Void = output.read(execution.standardOutput)
            async let second: Void = errorOutput.read(execution.standardError)
            _ = await (first, second)
            group.cancelAll()
        }
    }
}
