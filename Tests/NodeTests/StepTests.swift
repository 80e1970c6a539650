import Foundation
import NIOCore
import Stint
import StintCore
import StintRedis
import StintRuntime
import StintTesting
import Synchronization
import Testing

extension NodeTests {
    /// What a handler does once.
    @Suite struct StepTests {}
}

/// What has happened, across runs.
private final class Effects: Sendable {
    private let log = Mutex<[String]>([])
    var all: [String] { log.withLock { $0 } }
    func add(_ text: String) { log.withLock { $0.append(text) } }
}

private struct Payment: Codable, Equatable {
    var number: Int
    var text: String
}

extension NodeTests.StepTests {
    private func handler(_ run: @escaping @Sendable (JobContext) async throws -> Void) -> [JobType: Handler] {
        ["steps": Handler(retry: .fixed(.milliseconds(1)), run: run)]
    }

    @Test func `a run after a failure gets what its steps came to, and does only what is left`() async throws {
        try await Arena.run { arena in
            let effects = Effects()
            let handlers = handler { context in
                let payment = try await context.once("charge") { key in
                    effects.add(key)
                    return Payment(number: 7, text: "ä\"\n")
                }
                #expect(payment == Payment(number: 7, text: "ä\"\n"))
                try await context.once("mail") { _ in
                    effects.add("mail")
                    if context.attempt == 1 { throw CocoaError(.fileNoSuchFile) }
                }
            }
            let id = try await arena.enqueue("steps")
            try await arena.node(handlers: handlers)
            let acked = try await arena.log.wait { $0.isAck }
            #expect(acked.settled?.job.tries.attempt == 2)
            #expect(effects.all == ["\(arena.queue)/\(id)/charge", "mail", "mail"])
        }
    }

    @Test func `other jobs have steps of their own, and nothing is left of a job that is done`() async throws {
        try await Arena.run { arena in
            let effects = Effects()
            let ids = try await arena.enqueue("steps", ["", ""])
            try await arena.node(
                handlers: handler { context in
                    let value = try await context.once("id") { _ in "\(context.id)" }
                    #expect(value == "\(context.id)")
                    effects.add("\(context.id)")
                })
            try await arena.log.wait(2) { $0.isAck }
            #expect(Set(effects.all) == Set(ids.map(\.rawValue)))
            #expect(try await arena.send("EXISTS", arena.key("effects")).integer == 0)
        }
    }

    @Test func `a step of a run whose lease is over is not done`() async throws {
        try await Arena.run { arena in
            let (effects, gate) = (Effects(), Gate())
            let id = try await arena.enqueue("steps")
            try await arena.node(
                handlers: handler { context in
                    if context.attempt > 1 { return }
                    try await gate.pass()
                    do {
                        try await context.once("charge") { _ in effects.add("attempt \(context.attempt)") }
                    } catch let error as StintError {
                        effects.add("\(error.code)")
                        throw error
                    }
                })
            try await arena.log.wait { $0.began?.id == id }
            try await arena.lapseLeases()
            try await arena.node("heir", handlers: handler { _ in })
            try await arena.log.wait { $0.isAck }
            gate.open()
            #expect(await eventually { effects.all == ["leaseLost"] })
        }
    }

    @Test func `what does not fit is refused with a code of its own, and a wrong name before anything is done`()
        async throws
    {
        try await Arena.run { arena in
            let codes = Effects()
            try await arena.enqueue("steps")
            try await arena.node(
                handlers: handler { context in
                    func code(_ step: String, _ value: String) async -> String {
                        do {
                            return try await context.once(step) { _ in
                                codes.add("done " + step)
                                return value
                            }
                        } catch {
                            return "\((error as? StintError)?.code.description ?? "\(error)")"
                        }
                    }
                    codes.add(await code("two words", "x"))
                    codes.add(await code("large", String(repeating: "x", count: 65_537)))
                    codes.add(await code("small", "x"))
                    do {
                        _ = try await context.once("small") { _ in 7 }
                    } catch let error as StintError {
                        codes.add("\(error.code)")
                    }
                })
            try await arena.log.wait { $0.isAck }
            #expect(
                codes.all == ["invalidArgument", "done large", "stepsFull", "done small", "x", "undecodable"])
        }
    }
}
