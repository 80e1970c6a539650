import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Events as an asynchronous sequence.
    @Suite struct EventSequenceTests {}
}

extension NodeTests.EventSequenceTests {
    @Test func `a job's way is told as it happens`() async throws {
        try await Arena.run { arena in
            try await arena.client.setEvents(keeping: 1000, on: arena.queue)
            var events = try await arena.client.events(of: arena.queue).makeAsyncIterator()
            try await arena.node(handlers: ["t": Handler { _ in }])
            let id = try await arena.enqueue("t")
            var kinds: [QueueEvent.Kind] = []
            while kinds.last != .acked, let event = try await events.next() {
                #expect(event.jobs == [id] && event.queue == arena.queue)
                kinds.append(event.kind)
            }
            #expect(kinds == [.enqueued, .claimed, .acked])
        }
    }

    @Test func `a reader goes on where it was when its connection is lost`() async throws {
        try await Arena.runAlone { arena in
            try await arena.client.setEvents(keeping: 1000, on: arena.queue)
            var events = try await arena.client.events(of: arena.queue).makeAsyncIterator()
            let ids = try await arena.enqueue("t", ["1", "2"])
            #expect(try await events.next()?.jobs == ids)
            try await arena.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            let later = try await arena.enqueue("t")
            #expect(try await events.next()?.jobs == [later])
        }
    }

    @Test func `a reader begins where it is told to`() async throws {
        try await Arena.run { arena in
            try await arena.client.setEvents(keeping: 1000, on: arena.queue)
            let first = try await arena.enqueue("t")
            let second = try await arena.enqueue("t")
            var all = try await arena.client.events(of: arena.queue, from: .oldest).makeAsyncIterator()
            let event = try #require(try await all.next())
            #expect(event.jobs == [first])
            var rest = try await arena.client.events(of: arena.queue, from: .after(event.id)).makeAsyncIterator()
            #expect(try await rest.next()?.jobs == [second])
            await #expect(throws: StintError.self) { try await arena.client.events(of: arena.queue, from: .after("x")) }
        }
    }

    @Test func `a reader ends with its task, and with its client`() async throws {
        try await Arena.run { arena in
            let client = try await arena.newClient()
            let events = try await client.events(of: arena.queue)
            let reading = Task { for try await _ in events {} }
            reading.cancel()
            try await reading.value
            let others = try await client.events(of: arena.queue)
            let more = Task { for try await _ in others {} }
            await client.close()
            try await more.value
        }
    }

    @Test func `how many events are kept is a number that makes sense`() async throws {
        try await Arena.run { (arena: Arena) async throws in
            for count in [0, 1_000_001] {
                let error = await #expect(throws: StintError.self) {
                    try await arena.client.setEvents(keeping: count, on: arena.queue)
                }
                #expect(error?.code == .invalidArgument)
            }
            #expect(try await arena.client.setEvents(keeping: 5, on: arena.queue) == nil)
            #expect(try await arena.client.setEvents(keeping: nil, on: arena.queue) == 5)
            #expect(try await arena.client.eventsKept(on: arena.queue) == nil)
        }
    }
}
