import Foundation
import Stint
import StintCore
import StintStore
import StintTesting
import Testing

extension NodeTests {
    @Suite struct RetryTests {}
}

private struct Charge: Job {
    static let type = "charge"
    static let retry = RetryPolicy.fixed(.seconds(3600))
    static func isRetryable(_ error: any Error) -> Bool { !(error is Declined) }

    let isDeclined: Bool

    func run(_ context: JobContext) async throws {
        if isDeclined { throw Declined() }
        throw CocoaError(.userCancelled)
    }
}

private struct Declined: Error, CustomStringConvertible {
    let description = "the card was declined"
}

extension NodeTests.RetryTests {
    /// Runs a node with the public handlers until the body returns.
    private func withNode(_ arena: Arena, _ body: () async throws -> Void) async throws {
        let node = try StintNode(arena.client, queues: [arena.queue], concurrency: 2) { Charge.self }
        let running = RunningNode(node)
        do {
            try await body()
        } catch {
            running.stop()
            await running.stopped()
            throw error
        }
        running.stop()
        await running.stopped()
    }

    private func wait(for id: JobID, to state: JobState, _ arena: Arena) async throws {
        let isThere = try await eventually { try await arena.detail(id).state == state }
        try #require(isThere, "the job should be \(state)")
    }

    @Test func `an error that its type calls final buries the job at once, with that error`() async throws {
        try await Arena.run { arena in
            let declined = try await arena.client.enqueue(Charge(isDeclined: true), on: arena.queue)
            let passing = try await arena.client.enqueue(Charge(isDeclined: false), on: arena.queue)
            try await withNode(arena) {
                try await wait(for: declined.id, to: .dead, arena)
                try await wait(for: passing.id, to: .scheduled, arena)
            }
            let dead = try await arena.detail(declined.id)
            #expect(dead.tries.reason == "the card was declined" && dead.tries.failures == 1)
        }
    }

    @Test func `the retry policy that a job carries goes before that of its type`() async throws {
        try await Arena.run { arena in
            let own = try await arena.client.enqueue(
                Charge(isDeclined: false), on: arena.queue, .retry(.fixed(.seconds(86_400))))
            try await withNode(arena) {
                try await wait(for: own.id, to: .scheduled, arena)
            }
            let detail = try await arena.detail(own.id)
            let waitMs = try #require(detail.whenMs) - detail.tries.lastMs
            #expect(waitMs == 86_400_000)
        }
    }
}
