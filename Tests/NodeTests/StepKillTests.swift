import Foundation
import Stint
import StintCore
import StintLocal
import StintRuntime
import StintTesting
import Testing

extension NodeTests {
    /// Steps of jobs whose nodes are killed: processes of their own.
    @Suite struct StepKillTests {}
}

extension NodeTests.StepKillTests {
    @Test func `the run after a kill gets what the step came to, and does not do it again`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena)
            let id = try await arena.enqueue("steps")
            let key = try await child.wait("effect", id)[2]
            #expect(key == "\(arena.queue)/\(id)/first")
            let result = try await child.wait("result", id)[2]
            try await child.kill()
            try await arena.endLeases()
            let heir = try await ChildNode(arena, "heir")
            #expect(try await heir.wait("result", id)[2] == result)
            #expect(heir.count("effect") == 0)
            heir.openGate()
            try await heir.wait("settled", id)
            #expect(try await arena.stats().ackedTotal == 1)
            try await heir.kill()
        }
    }

    @Test func `a step during which the node is killed is done again, under the same key`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena)
            let id = try await arena.enqueue("steps", "freeze")
            let key = try await child.wait("effect", id)[2]
            try await child.kill()
            try await arena.endLeases()
            let heir = try await ChildNode(arena, "heir")
            #expect(try await heir.wait("effect", id)[2] == key)
            // It tells of the effect, and then stops itself: a signal may come before that.
            let goesOn = await eventually {
                heir.process.signal(SIGCONT)
                return heir.count("result") > 0
            }
            #expect(goesOn)
            heir.openGate()
            try await heir.wait("settled", id)
            try await heir.kill()
        }
    }

    @Test func `a node that was frozen during a step and lost its job notes nothing`() async throws {
        try await Arena.run { arena in
            let child = try await ChildNode(arena)
            let id = try await arena.enqueue("steps", "freeze")
            try await child.wait("effect", id)
            try await arena.endLeases()
            try await arena.node("heir", handlers: ["steps": stepHandler])
            try await arena.log.wait { $0.isAck }
            child.process.signal(SIGCONT)
            try await child.wait("refused", id)
            #expect((child.count("result"), child.count("settled")) == (0, 0))
            try await child.kill()
        }
    }

    private var stepHandler: Handler {
        Handler { context in
            let value = try await context.once("first") { _ in "heir" }
            #expect(value == "heir")
        }
    }
}
