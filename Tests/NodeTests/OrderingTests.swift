import Foundation
import NIOCore
import Stint
import StintCore
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Order, start-by and changes, as users of the library ask for them.
    @Suite struct OrderingTests {}
}

extension NodeTests.OrderingTests {
    @Test func `the order of a queue is set with jobs in it, and told`() async throws {
        try await Arena.run { arena in
            let (client, queue, notes) = (arena.client, arena.queue, Notes<String>())
            #expect(try await client.order(of: queue) == .priority)
            let options: [(String, EnqueueOption)] = [
                ("late", .deadline(Date(timeIntervalSinceNow: 600))), ("none", .priority(0)),
                ("soon", .deadline(.seconds(60))),
            ]
            for (text, option) in options {
                try await client.enqueue(payload: ByteBuffer(string: text), type: "note", on: queue, option)
            }
            #expect(try await client.setOrder(.deadline, of: queue) == .priority)
            #expect(try await client.order(of: queue) == .deadline)
            #expect(try await arena.stats().order == .deadline)
            try await arena.node(concurrency: 1, handlers: ["note": Handler { notes.add(String(buffer: $0.payload)) }])
            try await arena.log.wait(3) { $0.isAck }
            #expect(notes.all == ["soon", "late", "none"])
            await #expect(throws: StintError.self) { try await client.setOrder(.aged(.zero), of: queue) }
            #expect(try await client.order(of: queue) == .deadline)
        }
    }

    @Test func `a node ends a change of the order that who made it has left`() async throws {
        try await Arena.run { arena in
            try await arena.client.pause(arena.queue)
            let first = try await arena.enqueue("noop"), second = try await arena.enqueue("noop")
            try await arena.client.store.configure([("order", "lifo")], of: arena.queue)
            #expect(try await arena.stats().isReordering)
            #expect(try await arena.client.inspector.ids(.ready, on: arena.queue, limit: 9) == [first, second])
            try await arena.node(handlers: ["noop": Handler { _ in }]) { $0.upkeepInterval = .milliseconds(20) }
            #expect(try await eventually { try await !arena.stats().isReordering })
            #expect(try await arena.client.inspector.ids(.ready, on: arena.queue, limit: 9) == [second, first])
        }
    }

    @Test func `nodes learn how long runs that end well take, in queues that are ordered by it`() async throws {
        try await Arena.run { arena in
            let (client, queue) = (arena.client, arena.queue)
            let other = try QueueName(RedisServer.uniqueQueue())
            try await client.setOrder(.shortest, of: queue)
            #expect(try await client.estimates(of: queue).isEmpty)
            let fails = Handler { _ in throw JobOutcome.reject(reason: "no") }
            try await arena.node(handlers: ["noop": Handler { _ in }, "fails": fails]) {
                $0.upkeepInterval = .milliseconds(20)
                $0.queues.append(.init(other))
            }
            #expect(
                try await eventually {
                    for type in ["fails", "noop"] as [JobType] {
                        try await arena.enqueue(type, on: queue)
                        try await arena.enqueue(type, on: other)
                    }
                    return try await client.estimates(of: queue)["noop"] != nil
                })
            let learned = try await client.estimates(of: queue)
            #expect(learned.count == 1 && learned["noop"] ?? .zero < .seconds(10))
            #expect(try await client.estimates(of: other).isEmpty)
        }
    }

    @Test func `a job that comes too late is not run, and one that would be due too late is refused`() async throws {
        try await Arena.run { arena in
            let (client, queue) = (arena.client, arena.queue)
            let late = try await client.enqueue(
                payload: ByteBuffer(), type: "noop", on: queue, .startBy(Date(timeIntervalSince1970: 1_580_464_800)))
            let early = try await client.enqueue(
                payload: ByteBuffer(), type: "noop", on: queue, .startBy(.seconds(600)), .estimate(.seconds(2)))
            try await arena.node(handlers: ["noop": Handler { _ in }])
            try await arena.log.wait { $0.isAck }
            #expect(arena.log.entries.compactMap { $0.began?.id } == [early.id])
            #expect(try await client.state(of: late.id, on: queue) == .dead)
            let (limit, after) = (Date(timeIntervalSince1970: 9e9), Date(timeIntervalSince1970: 9e9 + 1))
            let tooLate: [[EnqueueOption]] = [
                [.in(.seconds(60)), .startBy(.seconds(59))], [.at(after), .startBy(limit)],
            ]
            for options in tooLate {
                let error = await #expect(throws: StintError.self) {
                    try await client.enqueue(payload: ByteBuffer(), on: queue, options[0], options[1])
                }
                #expect(error?.code == .invalidArgument)
            }
        }
    }

    @Test func `jobs that wait are given another priority and another due time`() async throws {
        try await Arena.run { arena in
            let (client, queue) = (arena.client, arena.queue)
            let (a, b) = (try await arena.enqueue("noop"), try await arena.enqueue("noop"))
            #expect(try await client.setPriority(5, of: b, on: queue) == .changed)
            #expect(try await client.inspector.ids(.ready, on: queue, limit: 9) == [b, a])
            #expect(try await client.reschedule(b, on: queue, to: .after(.seconds(600))) == .changed)
            #expect(try await client.state(of: b, on: queue) == .scheduled)
            #expect(try await client.reschedule(b, on: queue, to: .at(Date(timeIntervalSince1970: 5))) == .changed)
            #expect(try await client.inspector.ids(.ready, on: queue, limit: 9) == [b, a])
            #expect(try await client.setPriority(0, of: JobID("nobody"), on: queue) == .unknown)
            await #expect(throws: StintError.self) { try await client.setPriority(101, of: a, on: queue) }
            await #expect(throws: StintError.self) {
                try await client.reschedule(a, on: queue, to: .after(.seconds(86_400 * 4000)))
            }
        }
    }

    @Test func `a node takes its queues alike, by weight, or strictly`() async throws {
        try await Arena.run { arena in
            func configuration(_ queues: NodeQueues) throws -> NodeConfiguration {
                try StintNode(arena.client, queues: queues) {}.node.configuration
            }
            let (alike, strict) = (try configuration(["a", "b"]), try configuration(.strict(["b", "a"])))
            #expect(!alike.isStrict && alike.queues.map(\.name) == ["a", "b"])
            #expect(strict.isStrict && strict.queues.map(\.name) == ["b", "a"])
            let weighted = try configuration(.weighted(["a": 5, "b": 1]))
            #expect(!weighted.isStrict && weighted.queues.map(\.weight) == [5, 1])
            #expect(throws: StintError.self) { try configuration(.weighted(["a": 0])) }
        }
    }
}
