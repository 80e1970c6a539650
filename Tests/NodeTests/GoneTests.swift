import Foundation
import Logging
import NIOCore
import Stint
import StintCore
import StintLocal
import StintRedis
import StintRuntime
import StintStore
import StintTesting
import Testing

extension NodeTests {
    /// Leases of 30 s or more, so that what comes back sooner did not come by its lease. Servers of their own: the tests
    /// count looks.
    @Suite struct GoneTests {}
}

extension NodeTests.GoneTests {
    static let lease = Duration.seconds(120)
    static let open: [JobType: Handler] = ["gate": Handler { _ in }]

    @Test func `jobs of a killed node run again long before their leases end, and lapse once`() async throws {
        try await Arena.runAlone { arena in
            let child = try await ChildNode(arena, lease: Self.lease)
            let ids = try await arena.enqueue("gate", ["", "", ""])
            try await child.wait("began", count: 3)
            try await arena.waitForSession("child")
            try await arena.node("heir", lease: Self.lease, handlers: Self.open)
            try await child.kill()
            let acked = try await arena.log.wait(3, within: .seconds(30)) { $0.isAck }
            #expect(acked.settled?.job.tries.attempt == 2)
            #expect(acked.settled?.job.tries.reason.hasSuffix("whose connection was gone") == true)
            #expect(arena.log.lapses == Dictionary(uniqueKeysWithValues: ids.map { ($0, 1) }))
            let gone = try await arena.log.wait { $0.gone != nil }.gone
            #expect((gone?.consumer.name, gone?.leases) == ("child", 3))
            #expect(try await eventually { try await arena.sessions()["child"] == nil })
            let stats = try await arena.stats()
            #expect((stats.ackedTotal, stats.lapsedTotal, stats.releasedTotal) == (3, 3, 0))
        }
    }

    @Test func `jobs that a killed node held of queues that the looker does not work on come back, too`() async throws {
        try await Arena.runAlone { arena in
            let child = try await ChildNode(arena, lease: Self.lease)
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            try await arena.waitForSession("child")
            try await child.kill()
            // It has a job of its own, and so a reason to look.
            let gate = Gate()
            let other: QueueName = "other"
            try await arena.enqueue("hold", on: other)
            try await arena.node("elsewhere", handlers: ["hold": Handler { _ in try await gate.pass() }]) {
                $0.queues = [.init(other)]
            }
            #expect(try await arena.log.wait(within: .seconds(30)) { $0.lapse != nil }.lapse?.id == id)
            #expect(try await arena.client.state(of: id, on: arena.queue) == .ready)
            gate.open()
        }
    }

    @Test func `a frozen node keeps its jobs for as long as its connection is open`() async throws {
        try await Arena.runAlone { arena in
            let child = try await ChildNode(arena, lease: Self.lease)
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            try await arena.waitForSession("child")
            child.process.signal(SIGSTOP)
            try await arena.node("heir", lease: Self.lease, handlers: Self.open)
            try await arena.waitForLooks(6)
            child.process.signal(SIGCONT)
            child.openGate()
            try await child.wait("settled", id)
            #expect(arena.log.lapses.isEmpty && arena.log.runs.isEmpty)
            #expect(try await arena.stats().lapsedTotal == 0)
            try await child.kill()
        }
    }

    @Test func `a node whose connection is cut again and again comes back in time`() async throws {
        try await Arena.runAlone { arena in
            let child = try await ChildNode(arena, lease: Self.lease)
            let id = try await arena.enqueue("gate")
            try await child.wait("began", id)
            try await arena.node("heir", lease: Self.lease, handlers: Self.open)
            for _ in 0..<3 {
                let old = try await arena.waitForSession("child")
                try await arena.send("CLIENT", "KILL", "ID", "\(old.clientID)")
                let isBack = try await eventually {
                    try await arena.sessions()["child"].map { $0.clientID > old.clientID } ?? false
                }
                try #require(isBack)
                try await arena.waitForLooks(3)
            }
            child.openGate()
            try await child.wait("settled", id)
            #expect(arena.log.lapses.isEmpty && arena.log.runs.isEmpty)
            #expect(!arena.log.entries.contains { $0.gone != nil })
            try await child.kill()
        }
    }

    @Test func `a restart of the server takes no job from a node, and gives none back by old sessions`() async throws {
        try await Arena.runAlone(persistence: .aofAlways) { arena in
            let living = try await ChildNode(arena, "living", concurrency: 1, lease: Self.lease)
            let first = try await arena.enqueue("gate")
            try await living.wait("began", first)
            let dying = try await ChildNode(arena, "dying", concurrency: 1, lease: Self.lease)
            let second = try await arena.enqueue("gate")
            try await dying.wait("began", second)
            let old = try await arena.waitForSession("dying")
            try await arena.waitForSession("living")
            try await arena.node("heir", lease: Self.lease, handlers: Self.open)
            try await arena.server.kill()
            try await dying.kill()
            try await arena.server.restart()
            let isBack = try await eventually {
                let sessions = try await arena.sessions()
                return sessions["living"].map { $0.runID != old.runID } ?? false
                    && sessions["heir"].map { $0.runID != old.runID } ?? false
            }
            try #require(isBack)
            // Longer than a node that has lost its own connection distrusts what it sees.
            try await arena.waitForLooks(10)
            living.openGate()
            try await living.wait("settled", first)
            #expect(arena.log.lapses.isEmpty)
            #expect(try await arena.sessions()["dying"] == old)
            #expect(try await arena.client.state(of: second, on: arena.queue) == .leased)
            try await living.kill()
        }
    }

    @Test func `a node behind a proxy is not judged by the proxy's connection`() async throws {
        try await Arena.runAlone { arena in
            let proxy = try await FaultProxy(to: .unix(arena.server.socketPath))
            let hidden = try await ChildNode(arena, "hidden", concurrency: 1, lease: Self.lease, url: proxy.url)
            let kept = try await arena.enqueue("gate")
            try await hidden.wait("began", kept)
            let seen = try await ChildNode(arena, "seen", concurrency: 1, lease: Self.lease)
            let lost = try await arena.enqueue("gate")
            try await seen.wait("began", lost)
            try await arena.waitForSession("seen")
            #expect(try await arena.sessions()["hidden"] == nil)
            try await hidden.kill()
            try await seen.kill()
            try await arena.node("heir", lease: Self.lease, handlers: Self.open)
            #expect(try await arena.log.wait(within: .seconds(30)) { $0.isAck }.settled?.job.id == lost)
            // One more, so that there is somebody to be looked for.
            try await arena.node("witness", lease: Self.lease, handlers: Self.open)
            try await arena.waitForLooks(4)
            #expect(try await arena.client.state(of: kept, on: arena.queue) == .leased)
            #expect(arena.log.lapses == [lost: 1])
            try await proxy.close()
        }
    }

    @Test(arguments: ["client|info", "client|list"])
    func `a node without the right to look works on, and says once that it cannot`(right: String) async throws {
        try await Arena.runAlone { arena in
            try await arena.send(
                "ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-" + right)
            var url = try RedisURL(arena.server.url)
            (url.username, url.password) = ("limited", Secret("secret"))
            let (journal, gate) = (Journal(), Gate())
            let logger = Logger(label: "test") { _ in JournalHandler(journal) }
            let client = try await StintClient(RedisTarget(url: url), logger: logger)
            let seen = try await ChildNode(arena, "seen", concurrency: 1, lease: Self.lease)
            let id = try await arena.enqueue("gate")
            try await seen.wait("began", id)
            try await arena.waitForSession("seen")
            try await seen.kill()
            let node = try await arena.node(
                "limited", client: client, handlers: ["hold": Handler { _ in try await gate.pass() }])
            let held = try await arena.enqueue("hold")
            try await arena.log.wait { $0.began?.id == held }
            let isSaid = await eventually { !journal.entries("connections cannot be looked at").isEmpty }
            #expect(isSaid)
            gate.open()
            try await arena.log.wait { $0.isAck }
            #expect(journal.entries("connections cannot be looked at").map(\.level) == [.notice])
            #expect(try await arena.client.state(of: id, on: arena.queue) == .leased)
            node.stop()
            await node.stopped()
            await client.close()
        }
    }

    @Test func `nodes of one client have a session each, and take it along when they leave`() async throws {
        try await Arena.runAlone { arena in
            let client = try await arena.newClient()
            let nodes = [
                try await arena.node("a", client: client, handlers: Self.open),
                try await arena.node("b", client: client, handlers: Self.open),
            ]
            let (a, b) = (try await arena.waitForSession("a"), try await arena.waitForSession("b"))
            #expect(a == b)
            for node in nodes {
                node.stop()
                await node.stopped()
            }
            #expect(try await arena.sessions().isEmpty)
        }
    }

    @Test func `a node that holds jobs where nobody looks wakes an idle one, which looks`() async throws {
        try await Arena.runAlone { arena in
            let gate = Gate()
            let handlers: [JobType: Handler] = ["gate": Handler { _ in try await gate.pass() }]
            for name in ["a", "b"] { try await arena.node(name, concurrency: 1, handlers: handlers) }
            for name in ["a", "b"] { try await arena.waitForSession(name) }
            try await arena.waitForListeners(2)
            try await arena.send("CONFIG", "RESETSTAT")
            let id = try await arena.enqueue("gate")
            let holder = try await arena.log.wait { $0.began?.id == id }.node
            // One mark by the enqueue. The claim left none, so the next is the holder's.
            #expect(try await eventually { try await arena.calls(of: "lpush") >= 2 })
            let isLookedAt = try await eventually {
                let last = try await arena.send("HGET", arena.client.store.keys.watch, "*").string ?? ""
                return !last.isEmpty && !last.contains(" \(holder)/")
            }
            #expect(isLookedAt)
            gate.open()
        }
    }

    @Test func `an idle cluster does not look`() async throws {
        try await Arena.runAlone { arena in
            for name in ["a", "b"] { try await arena.node(name, handlers: ["noop": Handler { _ in }]) }
            try await arena.enqueue("noop")
            try await arena.log.wait { $0.isAck }
            for name in ["a", "b"] { try await arena.waitForSession(name) }
            try await arena.waitForListeners(2)
            // The other one may have claimed while the job was held: it looks until its next claim.
            let isQuiet = try await eventually(within: .seconds(30)) {
                let before = try await arena.looks()
                await elapse(.seconds(2))
                return try await arena.looks() == before
            }
            #expect(isQuiet)
        }
    }
}

extension Arena {
    /// The sessions in the register, by the names of the nodes.
    func sessions() async throws -> [String: RedisSession] {
        let pairs = try await send("HGETALL", client.store.keys.sessions)
        return stride(from: 0, to: pairs.count - 1, by: 2).reduce(into: [:]) { found, at in
            guard let consumer = pairs[at].string.flatMap({ ConsumerID(parsing: $0) }) else { return }
            found[consumer.name] = pairs[at + 1].string.flatMap { RedisSession(parsing: $0) }
        }
    }

    @discardableResult
    func waitForSession(_ name: String) async throws -> RedisSession {
        let isThere = try await eventually { try await self.sessions()[name] != nil }
        try #require(isThere, "\(name) has no session")
        return try #require(try await sessions()[name])
    }

    /// How often nodes have looked at the connections.
    func looks() async throws -> Int { try await calls(of: "client|list") }

    func waitForLooks(_ count: Int) async throws {
        let target = try await looks() + count
        let haveLooked = try await eventually(within: .seconds(30)) { try await self.looks() >= target }
        try #require(haveLooked, "nobody looks")
    }
}
