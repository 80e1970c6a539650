import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import StintTesting
import Testing

/// What happens to the server itself: full memory, forgotten scripts, other tenants.
@Suite(.timeLimit(.minutes(5)))
struct ServerTests {
    /// One of every operation, in an order in which each has something to do.
    private func everything(_ bench: Bench, between: () async throws -> Void = {}) async throws {
        let (store, queue, me) = (bench.store, bench.queue, bench.me)
        func step<T>(_ body: () async throws -> T) async throws -> T {
            try await between()
            return try await body()
        }
        #expect(
            try await step { try await bench.enqueue("a", "b", "c", "d", "e") } == Array(repeating: .accepted, count: 5)
        )
        #expect(try await step { try await bench.enqueue("later", due: .after(.minutes(20))) } == [.accepted])
        let held = try await step { try await bench.held(lease: .minutes(30)) }
        #expect(held.count == 5)
        #expect(
            try await step { try await store.extend(held.map { ($0, .minutes(40)) }, on: queue, by: me) }.refused
                .isEmpty)
        #expect(try await step { try await store.ack([held[0]], on: queue, by: me) }.accepted == 1)
        #expect(try await step { try await bench.nack(held[1], .reject) } == .dead)
        #expect(try await step { try await store.release([held[2]], on: queue, by: me) }.accepted == 1)
        #expect(
            try await step { try await store.cancel([held[3].id, held[2].id], on: queue, reason: "").outcomes } == [
                .requested, .cancelled,
            ])
        try await bench.advance(by: .minutes(60))
        #expect(try await step { try await store.reap(from: queue) }.lapses.map(\.outcome) == [.ready, .cancelled])
        #expect(try await step { try await store.promote(on: queue, for: me) }.promoted == 1)
        #expect(try await step { try await store.redrive([held[1].id], on: queue) } == [.ready])
        #expect(try await step { try await store.pause(true, queue) })
        #expect(try await step { try await bench.claim() }.isPaused)
        #expect(try await step { try await store.purge(1000, .cancelled, on: queue) } == 2)
        #expect(
            try await step { try await store.trim(on: queue, keeping: [(.done, Retention(age: .zero, count: 0))]) } == [
                0
            ])
        #expect(
            try await step { try await store.trim(on: queue, keeping: [(.done, Retention(age: .zero, count: 0))]) } == [
                1
            ])
        #expect(try await step { try await bench.inspector.stats(of: queue) }.ready == 3)
        #expect(try await step { try await bench.state("e") } == .ready)
        let session = RedisSession(runID: "life", clientID: 1)
        _ = try await step {
            try await store.beat(me, about: "{}", session: session, queues: [queue], keep: .seconds(60))
        }
        #expect(try await bench.inspector.queues() == [queue])
        #expect(try await step { try await store.watch(by: me, every: .zero) }.sessions == [me: session])
        #expect(try await step { try await store.miss([(me, session)]) } == [me: .zero])
        #expect(try await step { try await store.expel(me, from: queue) } == 0)
        #expect(try await step { try await store.tell(.quiet, [me]) } == [me])
        #expect(try await step { try await store.nudge([me], .extend(queue)) } == 1)
    }

    @Test func `all of it happens in one go`() async throws {
        try await withOwnServer { bench in try await everything(bench) }
    }

    @Test func `a server that forgets its scripts between any two calls is not noticed`() async throws {
        try await withOwnServer { bench in
            try await everything(bench) { try await bench.redis("SCRIPT", "FLUSH") }
            #expect(bench.client.scriptFallbacks >= 18)
        }
    }

    @Test func `every key begins with the prefix of its queue, or of the registers`() async throws {
        try await withOwnServer { bench in
            try await everything(bench)
            // Something in every key at once.
            try await bench.store.pause(false, bench.queue)
            let held = try await bench.held()
            _ = try await bench.nack(held[0], .reject)
            _ = try await bench.store.ack([held[1]], on: bench.queue, by: bench.me)
            _ = try await bench.store.trim(
                on: bench.queue, keeping: [(.done, Retention(age: .seconds(600), count: 1))])
            try await bench.enqueue("w")
            _ = try await bench.store.ack(try await bench.held(), on: bench.queue, by: bench.me)
            _ = try await bench.store.cancel([held[2].id], on: bench.queue, reason: "")
            try await bench.store.configure([("events", "10")], of: bench.queue)
            var asked = try bench.job("k")
            asked.header.keepResult = .seconds(60)
            _ = try await bench.store.enqueue([asked, try bench.job("n")], on: bench.queue)
            let more = try await bench.held()
            let answered = try #require(more.first { $0.id.rawValue == "k" })
            let noted = try #require(more.first { $0.id.rawValue == "n" })
            let value = ByteBuffer(string: "0.5")
            _ = try await bench.store.answer(
                [Answer(answered, keep: .seconds(60), result: value)], on: bench.queue, by: bench.me)
            _ = try await bench.store.note(
                [Note(noted, .progress, value), Note(noted, .checkpoints, value)], on: bench.queue, by: bench.me)
            _ = try await bench.store.once("step", of: noted, noting: value, on: bench.queue, by: bench.me)
            try await bench.enqueueUnique("u", "u", until: .time(.minutes(60)))
            try await bench.enqueue("x", "y")
            _ = try await bench.store.cancel([JobID("x")], on: bench.queue, reason: "")
            try await bench.enqueue("z", due: .after(.minutes(60)))
            try await bench.setOrder(.shortest)
            try await bench.store.learn([RunTime("test", runs: 1, us: 5)], of: bench.queue)
            try await bench.setOrder(.aged(.seconds(1)))
            try await bench.enqueue("v")
            _ = try await bench.claim(1)
            let keys = try await bench.redis("KEYS", "*").children.map { $0.string ?? "" }
            let (own, registers) = ("stint:{\(bench.queue)}:", "stint:{*}:")
            #expect(
                Set(keys.filter { !$0.hasPrefix(own) }) == [
                    registers + "queues", registers + "nodes", registers + "abouts", registers + "sessions",
                    registers + "watch", registers + "orders", bench.store.keys.inbox(bench.me),
                ])
            #expect(Set(keys.filter { $0.hasPrefix(own) }.map { String($0.dropFirst(own.count)) }) == Set(Dump.names))
            for key in keys where key != bench.store.keys.inbox(bench.me) {
                #expect(try await bench.redis("TTL", key).integer == -1, "\(key) must not decay")
            }
        }
    }

    @Test func `a full server refuses new jobs before any write, and drains`() async throws {
        try await withOwnServer { bench in
            let (store, queue, me) = (bench.store, bench.queue, bench.me)
            try await bench.bring("dead", to: .dead)
            try await bench.enqueue("a", "b", "c", "d", "e", "f")
            try await bench.enqueue("later", due: .after(.minutes(50)))
            try await bench.redis("CONFIG", "SET", "maxmemory", "1")
            for flush in [false, true] {
                if flush { try await bench.redis("SCRIPT", "FLUSH") }
                try await bench.expectNoWrites {
                    let refusal = await #expect(throws: StintError.self) { try await bench.enqueue("new") }
                    #expect(refusal?.code == .queueFull)
                    let redrive = await #expect(throws: StintError.self) {
                        try await store.redrive([JobID("dead")], on: queue)
                    }
                    #expect(redrive?.code == .queueFull)
                }
            }
            let held = try await bench.held()
            #expect(held.count == 6)
            #expect(try await store.extend(held.map { ($0, .minutes(40)) }, on: queue, by: me).refused.isEmpty)
            #expect(try await store.ack([held[0]], on: queue, by: me).accepted == 1)
            #expect(try await bench.nack(held[1]) == .retried)
            #expect(try await bench.nack(held[2], .reject) == .dead)
            #expect(try await store.release([held[3]], on: queue, by: me).accepted == 1)
            #expect(try await store.cancel([held[4].id], on: queue, reason: "").outcomes == [.requested])
            try await bench.redis("CONFIG", "SET", "maxmemory", "0")
            try await bench.advance(by: .minutes(60))
            try await bench.redis("CONFIG", "SET", "maxmemory", "1")
            #expect(try await store.reap(from: queue).lapses.count == 2)
            #expect(try await store.promote(on: queue, for: me).promoted == 1)
            #expect(try await store.purge(1000, .dead, on: queue) == 2)
            for forgotten in [0, 1] {
                #expect(
                    try await store.trim(on: queue, keeping: [(.done, Retention(age: .zero, count: 0))]) == [forgotten])
            }
            #expect(try await bench.inspector.stats(of: queue).ready == 4)
            try await store.beat(me, about: "{}", queues: [], keep: .seconds(60))
            try await bench.redis("CONFIG", "SET", "maxmemory", "0")
            #expect(try await bench.enqueue("new") == [.accepted])
        }
    }

    @Test func `two prefixes are two tenants, also with queues of one name`() async throws {
        try await withQueue { bench in
            let tenant = try Bench(bench.client, queue: bench.queue, prefix: "tenant-2")
            try await bench.enqueue("a")
            try await tenant.enqueue("a", "b")
            try await tenant.expectNoWrites { _ = try await bench.claim() }
            #expect(try await tenant.claimedIDs() == ["a", "b"])
            #expect(tenant.key("jobs") == "tenant-2:{\(bench.queue)}:jobs")
            for name in Dump.names { _ = try await tenant.redis("UNLINK", tenant.key(name)) }
        }
    }

    @Test(arguments: ["", "a:b", "{x}", "a b", "-"]) func `a prefix that would move the keys is refused`(prefix: String)
    {
        let refusal = #expect(throws: StintError.self) { try Keys(prefix: prefix) }
        #expect(refusal?.code == .invalidArgument)
    }

    @Test func `the queue of a wake-up list is read back from its key`() throws {
        let keys = try Keys(prefix: "p")
        #expect(keys.queue(ofWake: keys.wake("mail")) == "mail")
        for key in ["p:{mail}:jobs", "q:{mail}:wake", "p:{*}:wake", "p:{a}b}:wake", ""] {
            #expect(keys.queue(ofWake: key) == nil)
        }
    }
}
