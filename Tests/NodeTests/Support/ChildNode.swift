import Foundation
import StintCore
import StintLocal
import StintTesting

/// A node in a process of its own.
struct ChildNode: Sendable {
    let process: ChildProcess

    /// Starts one, and waits until it works.
    ///
    /// - Parameter step: where in a job's life it freezes itself: `claimed`, `began`, `ended` or `settled`.
    init(
        _ arena: Arena, _ name: String = "child", concurrency: Int = 4, lease: Duration = .seconds(30),
        grace: Duration = .seconds(60), freezingAt step: String = "", url: String? = nil
    ) async throws {
        process = try await ChildProcess.spawn(
            BuiltProducts.executable("stint-testnode"),
            [
                "url=\(url ?? arena.server.url)", "queue=\(arena.queue)", "name=\(name)", "concurrency=\(concurrency)",
                "lease=\(lease.wholeMs)", "grace=\(grace.wholeMs)", "stop-at=\(step)",
            ])
        try await wait("started")
    }

    /// Waits for `count` lines of an event, those of the past included.
    ///
    /// - Returns: the last of them: event, job, token, attempt, detail.
    @discardableResult
    func wait(
        _ event: String, _ id: JobID? = nil, count: Int = 1, within limit: Duration = .seconds(60)
    ) async throws -> [String] {
        let process = self.process
        let line = try await process.output.first(within: limit) { line in
            guard Self.isLine(line, event, id) else { return false }
            return process.output.soFar.count { Self.isLine($0, event, id) } >= count
        }
        return line.split(separator: " ", maxSplits: 4).map(String.init)
    }

    func count(_ event: String) -> Int {
        process.output.soFar.count { Self.isLine($0, event, nil) }
    }

    func openGate() { process.signal(SIGUSR1) }

    func kill() async throws {
        process.signal(SIGKILL)
        _ = try await process.waitForExit()
    }

    private static func isLine(_ line: String, _ event: String, _ id: JobID?) -> Bool {
        line == event || line.hasPrefix(id.map { "\(event) \($0) " } ?? event + " ")
    }
}
