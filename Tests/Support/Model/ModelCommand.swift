import Foundation

/// `make model`: random histories on a real Redis beside the model, then all interleavings of two nodes and two jobs.
///
///     stint-model [--steps N] [--seed N] [--depth N] [--traces N]
///     stint-model --mutants N [--seed N] [--file NAME]
///                                             N histories at most on each script set with one guard less, of all files of
///                                             `Lua/` or of one
///
/// Ends with 1 when something was wrong; what it prints is the code of a test that shows it.
@main
struct ModelCommand {
    private static let stepsInHistory = 200

    static func main() async throws {
        let seed = UInt64(argument("seed", .random(in: 0..<1_000_000_000)))
        let steps = argument("steps", 1_000_000), depth = argument("depth", 8), traces = argument("traces", 2000)
        let mutants = argument("mutants", 0)
        if mutants > 0 {
            let run = MutantRun(histories: UInt64(mutants), seed: seed, file: text("file"), say: say)
            exit(try await run.run() ? 0 : 1)
        }
        let isRight = try await ModelRun.with(clock: ArgumentClock()) { run in
            let histories = try await histories(run, steps: steps, seed: seed)
            var isRight = histories
            for plan in Plan.allCases {
                isRight = try await search(run, plan, depth: depth, traces: traces, seed: seed) && isRight
            }
            return isRight
        }
        exit(isRight ? 0 : 1)
    }

    /// Seen at once, also in a file.
    @Sendable private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private static func text(_ name: String) -> String? {
        let arguments = CommandLine.arguments
        guard let at = arguments.firstIndex(of: "--" + name), at + 1 < arguments.count else { return nil }
        return arguments[at + 1]
    }

    private static func argument(_ name: String, _ usual: Int) -> Int {
        guard let text = text(name) else { return usual }
        guard let value = Int(text), value >= 0 else {
            FileHandle.standardError.write(Data("--\(name) is a number\n".utf8))
            exit(2)
        }
        return value
    }

    private static func histories(_ run: ModelRun, steps limit: Int, seed: UInt64) async throws -> Bool {
        say("model: \(limit) steps, --seed \(seed)")
        let start = ContinuousClock.now
        var (steps, histories, told) = (0, UInt64(0), start)
        func tell() {
            let elapsed = (ContinuousClock.now - start) / .seconds(1)
            say("model: \(steps) steps, \(histories) histories, \(Int(Double(steps) / elapsed)) steps/s")
            told = .now
        }
        while steps < limit {
            let length = min(stepsInHistory, limit - steps)
            let (count, failure) = try await run.history(seed: seed &+ histories, steps: length, restarts: true)
            (steps, histories) = (steps + count, histories + 1)
            if let failure {
                say("model: WRONG, \(failure)")
                return false
            }
            if told.duration(to: .now) > .seconds(10) { tell() }
        }
        tell()
        return true
    }

    private static func search(_ run: ModelRun, _ plan: Plan, depth: Int, traces: Int, seed: UInt64) async throws
        -> Bool
    {
        let start = ContinuousClock.now
        let search = Search(plan, depth: depth)
        let seconds = (start.duration(to: .now) / .milliseconds(1)).rounded() / 1000
        say("search: \(plan), depth \(depth), \(search.states) states, \(search.transitions) transitions, \(seconds) s")
        if let failure = search.failure {
            say("search: WRONG, \(failure.wrong)\n\(failure.steps)")
            return false
        }
        for steps in search.traces(traces, seed: seed) {
            if let wrong = try await run.replay(steps) {
                say("search: Redis and the model differ, \(wrong.wrong)\n\(steps)")
                return false
            }
        }
        say("search: \(min(traces, search.states)) traces replayed on Redis")
        return true
    }
}
