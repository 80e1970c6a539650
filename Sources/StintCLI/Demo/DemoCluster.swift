import Foundation
import StintCore
import StintLocal
import Synchronization

/// The node processes of the demo, and the files that they write.
final class DemoCluster: Sendable {
    static let queue: QueueName = "demo"

    /// Reads the path from its input, fails where it is told to, and appends "job token hash" to its node's results.
    private static let worker = """
        IFS= read -r path || [ -n "$path" ] || exit 65
        if [ "$STINT_TYPE" = hash.flaky ] && [ "$STINT_ATTEMPT" = 1 ]; then echo 'fails on purpose' >&2; exit 75; fi
        if command -v sha256sum >/dev/null; then hash=$(sha256sum < "$path"); else hash=$(shasum -a 256 < "$path"); fi || exit 75
        printf '%s %s %s\\n' "$STINT_JOB_ID" "$STINT_TOKEN" "${hash%% *}" >> "$STINT_DEMO_RESULTS"
        """

    let url: String
    let lease: Duration
    let directory: String
    private let processes = Mutex<[String: ChildProcess]>([:])

    init(url: String, lease: Duration) throws {
        self.url = url
        self.lease = lease
        self.directory = FileManager.default.temporaryDirectory.path + "/stint-demo-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    var names: [String] { processes.withLock { $0.keys.sorted() } }

    func start(_ names: [String]) async throws {
        for name in names {
            let process = try await ChildProcess.spawn(
                Bundle.main.executablePath ?? CommandLine.arguments[0],
                [
                    "work", Self.queue.rawValue, "--exec", Self.worker, "--redis", url, "--name", name, "--concurrency",
                    "2",
                    "--lease", "\(lease.wholeMs)ms", "--grace", "10s", "--history", history(of: name),
                ],
                environment: ["STINT_DEMO_RESULTS": results(of: name)],
                newSession: true
            )
            processes.withLock { $0[name] = process }
        }
    }

    func history(of name: String) -> String { "\(directory)/\(name).history" }
    func results(of name: String) -> String { "\(directory)/\(name).results" }

    @discardableResult
    func signal(_ number: Int32, _ name: String) -> Bool {
        processes.withLock { $0[name] }?.signal(number) ?? false
    }

    /// What a node that ended before its time has said.
    func complaint() -> String? {
        processes.withLock { processes in
            for (name, process) in processes where !process.isRunning {
                return "\(name) has ended: " + process.errorOutput.soFar.suffix(3).joined(separator: " / ")
            }
            return nil
        }
    }

    func forget(_ name: String) async {
        let process = processes.withLock { $0.removeValue(forKey: name) }
        _ = try? await process?.waitForExit()
    }

    func stopNodes() async {
        for name in names { signal(SIGTERM, name) }
        for name in names { await forget(name) }
    }

    /// Leaves nothing behind, whatever happened.
    func end() async {
        for name in names {
            signal(SIGCONT, name)
            signal(SIGKILL, name)
            await forget(name)
        }
        try? FileManager.default.removeItem(atPath: directory)
    }
}
