import Logging
import NIOCore
import NIOPosix
import StintRedis
import StintStore
import StintTesting

/// Histories on one server, each on a queue of its own.
package struct ModelRun: Sendable {
    let server: RedisServer
    let client: RedisClient
    let clock: any TestClock

    /// What went wrong, as short as it could be made.
    package struct Failure: Sendable, CustomStringConvertible {
        package let seed: UInt64
        package let steps: [Step]
        package let wrong: [String]

        package var description: String {
            let code = steps.map { "    \($0)," }.joined(separator: "\n")
            return "seed \(seed), \(steps.count) steps:\n[\n\(code)\n]\nthen "
                + wrong.map { $0.count > 2000 ? $0.prefix(2000) + " …" : $0 }.joined(separator: "\n     ")
        }
    }

    /// Starts a server, and removes it afterwards.
    package static func with<T: Sendable>(
        clock: any TestClock, environment: [String: String] = [:], _ body: @Sendable (ModelRun) async throws -> T
    ) async throws -> T {
        // As long as the clock stands still, so do the server's timers: it must not have to wait for one.
        let isPreloaded = !environment.isEmpty
        let server = try await RedisServer.start(
            persistence: isPreloaded ? .none : .aofEverysec, environment: environment)
        var configuration = RedisConfiguration(url: try RedisURL(server.url))
        configuration.commandTimeout = .seconds(60)
        let client = RedisClient(
            configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "model", factory: { _ in SwiftLogNoOpLogHandler() }))
        let result: Result<T, any Error>
        do {
            result = .success(try await body(ModelRun(server: server, client: client, clock: clock)))
        } catch {
            result = .failure(error)
        }
        await client.close()
        try await server.stop()
        return try result.get()
    }

    /// Whether the server's clock stands where it was put.
    package func isHeeded() async throws -> Bool {
        try clock.set(us: 1_800_000_000_000_000)
        return try await Store(client: client, keys: Keys()).serverMs() == 1_800_000_000_000
    }

    /// Every other history has its events told, and compared.
    private static func listens(_ seed: UInt64) -> Bool {
        var random = SeededGenerator(seed: ~seed)
        return random.once(in: 2)
    }

    /// Runs a given history.
    ///
    /// - Parameter listens: whether the queue's events are compared, too.
    /// - Returns: how many steps it took until something was wrong, and what; `nil` = all is well.
    package func replay(_ steps: [Step], listens: Bool = false) async throws -> (count: Int, wrong: [String])? {
        let lab = try Lab(server, client, clock: clock)
        if listens { try await lab.listen() }
        var result: (count: Int, wrong: [String])?
        for (index, step) in steps.enumerated() {
            let wrong = try await lab.perform(step)
            if !wrong.isEmpty {
                result = (index + 1, wrong)
                break
            }
        }
        try await lab.removeQueue()
        return result
    }

    /// Draws a history and runs it.
    ///
    /// - Returns: how many steps it had, and what went wrong, shrunk.
    package func history(
        seed: UInt64, steps limit: Int, isLarge: Bool? = nil, restarts: Bool = false, shrinks: Bool = true
    ) async throws -> (Int, Failure?) {
        var generator = Generator(seed: seed, isLarge: isLarge, restarts: restarts)
        let lab = try Lab(server, client, clock: clock)
        if Self.listens(seed) { try await lab.listen() }
        var steps: [Step] = []
        for _ in 0..<generator.length(limit) {
            steps.append(generator.next(lab.model, nowMs: lab.nowUs / 1000))
            let wrong = try await lab.perform(steps[steps.count - 1])
            if !wrong.isEmpty {
                let failure = Failure(seed: seed, steps: steps, wrong: wrong)
                return (steps.count, shrinks ? try await shrink(failure) : failure)
            }
        }
        let wrong = try await lab.fsck()
        if !wrong.isEmpty { return (steps.count, Failure(seed: seed, steps: steps, wrong: wrong)) }
        try await lab.removeQueue()
        return (steps.count, nil)
    }

    /// Takes commands out as long as something still goes wrong: halves first, then ever smaller pieces. A. Zeller,
    /// R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002.
    private func shrink(_ failure: Failure) async throws -> Failure {
        var best = failure
        var size = max(1, best.steps.count / 2), attempts = 0
        while attempts < 1500 {
            var start = 0, hasShrunk = false
            while start < best.steps.count, attempts < 1500 {
                var fewer = best.steps
                fewer.removeSubrange(start..<min(start + size, fewer.count))
                attempts += 1
                if let again = try await replay(fewer, listens: Self.listens(failure.seed)) {
                    best = Failure(seed: failure.seed, steps: Array(fewer.prefix(again.count)), wrong: again.wrong)
                    hasShrunk = true
                } else {
                    start += size
                }
            }
            if size == 1, !hasShrunk { break }
            if size > 1 { size = max(1, size / 2) }
        }
        return best
    }
}
