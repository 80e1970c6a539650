import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// The registers are one for all queues: servers of their own.
@Suite(.timeLimit(.minutes(1)))
struct NodesTests {
    private let minute = Duration.seconds(60)

    private func enter(_ consumer: ConsumerID, _ bench: Bench) async throws -> NodeOrder? {
        try await bench.store.beat(consumer, about: "{}", queues: [], keep: minute)
    }

    @Test func `a node hears what it was told by its next beat, and every one after that`() async throws {
        try await withOwnServer { bench in
            let before = try await enter(bench.me, bench)
            #expect(before == nil)
            #expect(try await bench.store.tell(.quiet, [bench.me, bench.other]) == [bench.me])
            for _ in 0..<2 { #expect(try await enter(bench.me, bench) == .quiet) }
            #expect(try await bench.store.tell(.resume, [bench.me]) == [bench.me])
            #expect(try await enter(bench.me, bench) == nil)
        }
    }

    @Test func `a node that is not in the register is told nothing`() async throws {
        try await withOwnServer { bench in
            let told = try await bench.store.tell(.stop, [bench.me])
            #expect(told.isEmpty)
            #expect(try await bench.store.nudge([bench.me], .beat) == 0)
            #expect(try await bench.store.nudge([], .beat) == 0)
            #expect(try await bench.redis("DBSIZE").integer == 0)
        }
    }

    @Test func `a stop cannot be taken back`() async throws {
        try await withOwnServer { bench in
            _ = try await enter(bench.me, bench)
            _ = try await bench.store.tell(.stop, [bench.me])
            for order in [NodeOrder.resume, .quiet] {
                _ = try await bench.store.tell(order, [bench.me])
                #expect(try await enter(bench.me, bench) == .stop)
            }
        }
    }

    @Test func `an order goes with its node`() async throws {
        try await withOwnServer { bench in
            for leaves in [true, false] {
                _ = try await enter(bench.me, bench)
                _ = try await bench.store.tell(.quiet, [bench.me])
                if leaves {
                    #expect(try await bench.store.beat(bench.me, about: nil, queues: [], keep: minute) == nil)
                } else {
                    try await bench.redis("ZINCRBY", bench.store.keys.nodes, "-61000", bench.me.description)
                    _ = try await enter(bench.other, bench)
                }
                #expect(try await bench.redis("EXISTS", bench.store.keys.orders).integer == 0)
            }
        }
    }

    @Test func `nudges wait for their node, not many and not for long`() async throws {
        try await withOwnServer { bench in
            let inbox = bench.store.keys.inbox(bench.me)
            _ = try await enter(bench.me, bench)
            #expect(try await bench.store.nudge([bench.me, bench.other], .extend("mail")) == 1)
            #expect(try await bench.redis("LRANGE", inbox, "0", "-1").children.map(\.string) == ["extend mail"])
            let seconds = try #require(try await bench.redis("TTL", inbox).integer)
            #expect((1...60).contains(seconds))
            for _ in 0..<120 { _ = try await bench.store.nudge([bench.me], .beat) }
            #expect(try await bench.redis("LLEN", inbox).integer == 100)
            _ = try await bench.store.tell(.quiet, [bench.me])
            #expect(try await bench.redis("LLEN", inbox).integer == 100)
            #expect(try await enter(bench.me, bench) == .quiet)
        }
    }

    @Test func `an order is a nudge, too`() async throws {
        try await withOwnServer { bench in
            _ = try await enter(bench.me, bench)
            _ = try await bench.store.tell(.quiet, [bench.me])
            let inbox = bench.store.keys.inbox(bench.me)
            #expect(try await bench.redis("LRANGE", inbox, "0", "-1").children.map(\.string) == ["beat"])
        }
    }

    @Test func `nudges are read back from their text, and others are none`() {
        for nudge in [Nudge.beat, .extend("mail")] { #expect(Nudge(parsing: nudge.description) == nudge) }
        for text in ["", "extend", "extend ", "extend a b", "beat ", "stop"] { #expect(Nudge(parsing: text) == nil) }
    }

    @Test func `malformed arguments are refused`() async throws {
        try await withQueue { bench in
            for bad in [[], ["beat"], ["", "me"], ["beat"] + Array(repeating: "me", count: 1001)] {
                try await bench.expectRefused(Scripts.nudge, bad)
            }
            for bad in [[], ["quiet"], ["rest", "me"], ["stop"] + Array(repeating: "me", count: 1001)] {
                try await bench.expectRefused(Scripts.tell, bad)
            }
        }
    }

    @Test func `what has ended as cancelled says who wanted it and why, whatever ended the lease`() async throws {
        try await withQueue { bench in
            try await bench.enqueue("nacked", "released", "lapsed")
            let held = try await bench.held()
            let asked = try await bench.store.cancel(held.map(\.id), on: bench.queue, reason: "late", by: "ada")
            #expect(asked.outcomes == [.requested, .requested, .requested])
            #expect(asked.holders == [bench.me])
            #expect(try await bench.nack(held[0], .retry, reason: "oops") == .cancelled)
            #expect(try await bench.store.release([held[1]], on: bench.queue, by: bench.me).accepted == 1)
            try await bench.advance(by: .minutes(60))
            #expect(try await bench.store.reap(from: bench.queue).lapses.map(\.outcome) == [.cancelled])
            for id in ["nacked", "released", "lapsed"] {
                let job = try await bench.detail(id)
                #expect(job?.state == .cancelled && job?.tries.reason == "cancelled: by ada: late", "\(id)")
            }
            #expect(try await bench.detail("nacked")?.tries.failures == 1)
        }
    }
}
