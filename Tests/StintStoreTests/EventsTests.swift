import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// What scripts write to the stream of events, and that they write nothing unless somebody asked for it.
@Suite(.timeLimit(.minutes(5)))
struct EventsTests {
    private func turnOn(_ bench: Bench, keeping count: Int = 10_000) async throws {
        try await bench.store.configure([("events", "\(count)")], of: bench.queue)
    }

    /// All that is kept.
    private func events(_ bench: Bench, after position: EventPosition? = nil) async throws -> [QueueEvent] {
        var at = position ?? EventPosition()
        let reply = try await bench.client.send(bench.store.readEvents(bench.queue, after: at, blockMs: nil))
        return bench.store.events(in: reply, of: bench.queue, after: &at)
    }

    private func told(_ bench: Bench) async throws -> [String] {
        try await events(bench).map { event in
            "\(event.kind) \(event.state?.rawValue ?? "-") \(event.jobs.map(\.rawValue).joined(separator: ","))"
        }
    }

    @Test func `without the setting nothing is written`() async throws {
        try await withQueue { bench in
            try await bench.store.configure([("order", "fifo")], of: bench.queue)
            for (id, state) in [("a", JobState.done), ("b", .dead), ("c", .cancelled)] {
                try await bench.bring(id, to: state)
            }
            #expect(try await bench.redis("EXISTS", bench.key("events")).integer == 0)
            #expect(try await bench.redis("HEXISTS", bench.key("meta"), "events_total").integer == 0)
        }
    }

    @Test func `each transition of jobs is told, those of one call together`() async throws {
        try await withQueue { bench in
            try await turnOn(bench)
            try await bench.enqueue("a", "b")
            _ = try await bench.store.enqueue([bench.job("f", isFresh: true)], on: bench.queue)
            try await bench.enqueue("s", due: .after(.minutes(1)))
            let held = try await bench.held()
            _ = try await bench.store.ack(held.filter { $0.id.rawValue == "a" }, on: bench.queue, by: bench.me)
            _ = try await bench.nack(held.first { $0.id.rawValue == "b" }!, delay: .seconds(1))
            _ = try await bench.store.cancel([JobID("f"), JobID("s")], on: bench.queue, reason: "late")
            _ = try await bench.store.release(
                held.filter { $0.id.rawValue == "f" }, on: bench.queue, by: bench.me)
            try await bench.advance(by: .minutes(1))
            _ = try await bench.store.promote(on: bench.queue, for: bench.me)
            _ = try await bench.store.redrive([JobID("s"), JobID("a")], on: bench.queue)
            #expect(
                try await told(bench) == [
                    "enqueued ready a,b", "enqueued ready f", "enqueued scheduled s", "claimed leased a,b,f",
                    "acked done a", "failed scheduled b", "cancelled cancelled s", "cancel_requested - f",
                    "cancelled cancelled f", "due ready b", "redriven ready s",
                ])
        }
    }

    @Test func `ends and what people do to a queue are told`() async throws {
        try await withQueue { bench in
            try await turnOn(bench)
            try await bench.enqueue("a", "b", maxLapses: 2)
            let held = try await bench.held(lease: .minutes(1))
            _ = try await bench.nack(held[0], .reject, reason: "no")
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue)
            _ = try await bench.held(lease: .minutes(1))
            try await bench.advance(by: .minutes(2))
            _ = try await bench.store.reap(from: bench.queue)
            try await bench.store.pause(true, bench.queue)
            try await bench.store.pause(false, bench.queue)
            let none = Retention(age: .seconds(3600), count: 1)
            _ = try await bench.store.trim(on: bench.queue, keeping: [(.dead, none)])
            _ = try await bench.store.purge(10, .dead, on: bench.queue)
            let events = try await told(bench).dropFirst(2)
            #expect(
                events == [
                    "dead dead a", "lapsed ready b", "claimed leased b", "dead dead b", "paused - ", "resumed - ",
                    "trimmed - a", "purged - b",
                ])
        }
    }

    @Test func `an event says who, under which token, and why`() async throws {
        try await withQueue { bench in
            try await turnOn(bench)
            try await bench.enqueue("a", "b")
            let first = try await bench.held(1), second = try await bench.held(1)
            _ = try await bench.store.nack(
                [first[0], second[0]].map {
                    Nack($0, .retry, delay: .seconds(9), maxFailures: 5, reason: "why \($0.id)")
                },
                on: bench.queue, by: bench.me)
            let failed = try #require(try await events(bench).last)
            #expect(failed.consumer == bench.me && failed.reason == "why a")
            #expect(failed.tokens == [first[0].token, second[0].token])
            let claimed = try #require(try await events(bench).first { $0.kind == .claimed })
            #expect(claimed.tokens == [first[0].token])
            let serverMs = try await bench.store.serverMs()
            #expect((serverMs - 60_000...serverMs).contains(claimed.atMs))
        }
    }

    @Test func `an id without a record is told as dead by the claim that finds it`() async throws {
        try await withQueue(missingRecords: ["a"]) { bench in
            try await turnOn(bench)
            try await bench.enqueue("a", "b")
            try await bench.redis("HDEL", bench.key("jobs"), "a")
            _ = try await bench.claim()
            #expect(try await told(bench).suffix(2) == ["claimed leased b", "dead dead a"])
        }
    }

    @Test func `no more than about as many as the setting says are kept, and a reader is told of the gap`() async throws
    {
        try await withQueue { bench in
            try await turnOn(bench, keeping: 100)
            try await bench.enqueue("first")
            let position = try await bench.store.position(.now, in: bench.queue)
            for number in 0..<400 { try await bench.enqueue("job-\(number)") }
            let length = try #require(try await bench.redis("XLEN", bench.key("events")).integer)
            #expect((100...250).contains(length))
            let read = try await events(bench, after: position)
            #expect(read.first?.kind == .gap && read.first?.missing == 400 - Int(length))
            #expect(read.count == Int(length) + 1)
            let gone = try await bench.store.position(.after(position.id), in: bench.queue)
            #expect(try await events(bench, after: gone).first?.kind == .gap)
        }
    }

    @Test func `a reader that missed nothing is told of no gap`() async throws {
        try await withQueue { bench in
            try await turnOn(bench)
            try await bench.enqueue("a")
            let position = try await bench.store.position(.now, in: bench.queue)
            try await bench.enqueue("b")
            #expect(try await events(bench, after: position).map(\.kind) == [.enqueued])
            let same = try await bench.store.position(.after(position.id), in: bench.queue)
            #expect(same == position)
        }
    }

    @Test(arguments: ["none", "0", "-5"]) func `a setting that is no count writes nothing and stops nothing`(
        count: String
    ) async throws {
        try await withQueue { bench in
            try await bench.store.configure([("events", count)], of: bench.queue)
            try await bench.bring("a", to: .done)
            #expect(try await bench.redis("EXISTS", bench.key("events")).integer == 0)
        }
    }
}
