import Foundation
import StintCore
import Testing
import stint_model

/// Random histories on a real server and on the model. `make model` runs them by the million; STINT_TEST_SEED repeats the
/// ones of a run that failed here.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct HistoryTests {
    private static let seed =
        ProcessInfo.processInfo.environment["STINT_TEST_SEED"].flatMap(UInt64.init)
        ?? .random(in: 0..<1_000_000_000)

    @Test func `the scripts do what the model does`() async throws {
        try await ModelRun.with(clock: ArgumentClock()) { run in
            try await expectAgreement(run, histories: 25, steps: 100)
        }
    }

    @Test func `the scripts do what the model does with jobs by the thousand`() async throws {
        try await ModelRun.with(clock: ArgumentClock()) { run in
            try await expectAgreement(run, histories: 2, steps: 160, isLarge: true)
        }
    }

    @Test func `nothing is forgotten or changed by a server that is killed and comes back`() async throws {
        try await ModelRun.with(clock: ArgumentClock()) { run in
            let before: [Step] = [
                Step(.enqueue([Batch(ids: [3, 1, 2]), Batch(ids: [4], due: .afterMs(5), priority: 1)])),
                Step(.claim(2, by: 0, leaseMs: 5)), Step(.cancel([2])), Step(.cancel([3])),
                Step(.nack(.jobs([1], .own), .retry, delayMs: 3, maxFailures: 3, by: 0)),
            ]
            let after: [Step] = [
                Step(.passTo(.deadline, us: 0)), Step(.reap(10, maxLapses: 3)), Step(.claim(10, by: 1, leaseMs: 5)),
                Step(.ack(.believed(10), by: 1)), Step(.redrive([2, 3])),
            ]
            let wrong = try await run.replay(before + [Step(.restart)] + after)?.wrong
            #expect(wrong == nil)
        }
    }

    @Test func `the window for retries ends with its last millisecond, and ten attempts are kept`() async throws {
        try await ModelRun.with(clock: ArgumentClock()) { run in
            var steps: [Step] = [
                Step(.enqueue([Batch(ids: [1, 2], retryForMs: 5), Batch(ids: [3])])),
                Step(.claim(2, by: 0, leaseMs: 50)),
                Step(.nack(.jobs([1], .own), .retry, delayMs: 5, maxFailures: 9, by: 0)),
                Step(.nack(.jobs([2], .own), .retry, delayMs: 6, maxFailures: 9, by: 0)),
            ]
            for _ in 0..<12 {
                steps.append(Step(.claim(1, by: 0, leaseMs: 50)))
                steps.append(Step(.nack(.jobs([3], .own), .retry, delayMs: 0, maxFailures: 99, by: 0)))
            }
            let wrong = try await run.replay(steps)?.wrong
            #expect(wrong == nil)
        }
    }

    @Test func `a job that another replaces while it is ready stands where a newcomer of that moment would`()
        async throws
    {
        try await ModelRun.with(clock: ArgumentClock()) { run in
            let steps = [
                Step(.enqueue([Batch(ids: [26], priority: -1, key: 3)])),
                Step(.enqueue([Batch(ids: [1013, 1014, 1015], priority: 1, isFresh: true)])),
                Step(.enqueue([Batch(ids: [8], priority: -1, key: 3, replaces: true)])),
                Step(.setOrder(.deadline)),
            ]
            let wrong = try await run.replay(steps)?.wrong
            #expect(wrong == nil)
        }
    }

    @Test func `jobs that are enqueued alike go into their line together, after those that they replace have left it`()
        async throws
    {
        try await ModelRun.with(clock: ArgumentClock()) { run in
            let steps = [
                Step(.enqueue([Batch(ids: [19], priority: 1, key: 0)])),
                Step(.pass(us: -10_000)),
                Step(
                    .enqueue([
                        Batch(ids: [1007], priority: 1, key: 2), Batch(ids: [16], priority: 1, key: 0, replaces: true),
                    ])),
                Step(.enqueue([Batch(ids: [10])])),
                Step(.setOrder(.aged(ms: 5))),
            ]
            let wrong = try await run.replay(steps)?.wrong
            #expect(wrong == nil)
        }
    }

    @Test func `the shipped scripts do what the model does, on a server whose clock is ours`() async throws {
        guard let clock = try PreloadedClock() else {
            print("skipped: no C compiler, or no way to preload a library, so that a server's clock cannot be set")
            return
        }
        try await ModelRun.with(clock: clock, environment: clock.environment) { run in
            guard try await run.isHeeded() else {
                print("skipped: this server does not heed a preloaded clock")
                return
            }
            try await expectAgreement(run, histories: 6, steps: 100)
        }
    }

    private func expectAgreement(
        _ run: ModelRun, histories: UInt64, steps: Int, isLarge: Bool = false
    ) async throws {
        for history in 0..<histories {
            let (_, failure) = try await run.history(seed: Self.seed &+ history, steps: steps, isLarge: isLarge)
            if let failure {
                Issue.record("STINT_TEST_SEED=\(Self.seed), \(failure)")
                return
            }
        }
    }
}
