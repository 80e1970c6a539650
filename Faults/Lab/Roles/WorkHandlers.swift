import Foundation
import NIOCore
import Stint
import StintCore
import StintRuntime

/// What jobs of the laboratory do; the payload is a number that says how much of it.
enum WorkHandlers {
    struct Failed: Error {}

    static let all = Handlers(
        [
            "noop": Handler { _ in },
            // So many ms, and stops when it is told to.
            "slow": Handler { try await Task.sleep(for: .milliseconds(amount($0))) },
            // So many ms on its thread of the pool, asleep or at work.
            "block": Handler { _ = poll(nil, 0, Int32(amount($0))) },
            "busy": Handler { context in
                let end = ContinuousClock.now.advanced(by: .milliseconds(amount(context)))
                while ContinuousClock.now < end {}
            },
            // Does not stop when it is told to.
            "stubborn": Handler { context in
                let end = ContinuousClock.now.advanced(by: .milliseconds(amount(context)))
                while ContinuousClock.now < end { try? await Task.sleep(for: end - .now) }
            },
            // Fails so many times, then is done.
            "fail": Handler(retry: .fixed(.milliseconds(50))) { context in
                if context.failures < amount(context) { throw Failed() }
            },
            "trap": Handler { _ in fatalError("a handler that traps") },
            "segv": Handler { _ in raise(SIGSEGV) },
        ])

    /// What follows the number is padding.
    private static func amount(_ context: JobContext) -> Int {
        Int(String(buffer: context.payload).prefix { $0 != " " }) ?? 0
    }
}
