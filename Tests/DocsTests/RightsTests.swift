import Logging
import NIOCore
import Stint
import StintCore
import StintRedis
import StintStore
import StintTesting
import Testing

/// The lists of commands in `docs/protocol.md`, as users of a real server.
@Suite(.serialized) struct RightsTests {
    private struct Role: CustomStringConvertible {
        let name: String
        let password: String
        let rule: [String]

        /// What the client can do without: it says so in its log.
        private static let optional: Set<String> = ["+ping", "+info"]

        init(line: String) throws {
            rule = line.split(separator: " ").dropFirst(2).map(String.init)
            name = try #require(rule.first)
            password = String(try #require(rule.first { $0.hasPrefix(">") }).dropFirst())
        }

        var commands: [String] { rule.filter { $0.hasPrefix("+") && !Self.optional.contains($0) } }
        var description: String { name }
    }

    private static let queue: QueueName = "mail"

    private func roles() throws -> [Role] {
        let block = try #require(Documents.blocks(try Documents.text("docs/protocol.md"), "acl").first)
        return try block.split(separator: "\n").map { try Role(line: String($0)) }
    }

    @Test func `every role can do all that it is for, and nothing of its list is too much`() async throws {
        let server = try await RedisServer.start()
        let admin = try await StintClient(.redis(server.url))
        let roles = try roles()
        #expect(roles.map(\.name) == ["producer", "worker", "viewer", "operator"])
        for role in roles {
            let refused = try await run(role, without: nil, on: server, admin)
            #expect(refused.isEmpty, "\(role): \(refused)")
            for command in role.commands {
                let refused = try await run(role, without: command, on: server, admin)
                #expect(!refused.isEmpty, "\(role) does not need \(command)")
            }
        }
        await admin.close()
        try await server.stop()
    }

    @Test func `no role reaches keys of another prefix`() async throws {
        let server = try await RedisServer.start()
        let admin = try await StintClient(.redis(server.url))
        for role in try roles() {
            try await allow(role, without: nil, admin)
            let client = try await StintClient(target(role, server).keyPrefix("other"), logger: quiet)
            await #expect(throws: StintError.self) { try await client.stats(of: Self.queue) }
            await client.close()
        }
        await admin.close()
        try await server.stop()
    }

    // MARK: - Roles at work

    private var quiet: Logger { Logger(label: "docs") { _ in SwiftLogNoOpLogHandler() } }

    private func target(_ role: Role, _ server: RedisServer) throws -> RedisTarget {
        var url = try RedisURL(server.url)
        (url.username, url.password) = (role.name, Secret(role.password))
        return RedisTarget(url: url)
    }

    private func allow(_ role: Role, without command: String?, _ admin: StintClient) async throws {
        var rule = RedisCommand("ACL")
        rule.append("SETUSER")
        rule.append(contentsOf: role.rule + (command.map { ["-" + $0.dropFirst()] } ?? []))
        _ = try await admin.store.client.send(rule)
    }

    /// Plays a role.
    ///
    /// - Returns: what was refused.
    private func run(
        _ role: Role, without command: String?, on server: RedisServer, _ admin: StintClient
    ) async throws -> [String] {
        try await allow(role, without: command, admin)
        _ = try await admin.store.client.send(RedisCommand("FLUSHALL"))
        var flush = RedisCommand("SCRIPT")
        flush.append("FLUSH")
        _ = try await admin.store.client.send(flush)
        let client = try await StintClient(target(role, server), logger: quiet)
        let scene = try Scene(store: client.store, admin: admin, queue: Self.queue)
        switch role.name {
        case "producer": try await scene.produce()
        case "worker": try await scene.work()
        case "viewer": try await scene.view()
        default: try await scene.operate()
        }
        await client.close()
        return scene.refused
    }
}

/// What users of a role do. Calls that are refused are noted, and the scene goes on.
private final class Scene {
    let store: Store
    let admin: StintClient
    let queue: QueueName
    var refused: [String] = []

    private let consumer: ConsumerID

    init(store: Store, admin: StintClient, queue: QueueName) throws {
        consumer = try ConsumerID(name: "worker")
        self.store = store
        self.admin = admin
        self.queue = queue
    }

    private func attempt<Value>(_ call: () async throws -> Value) async -> Value? {
        do {
            return try await call()
        } catch {
            refused.append("\(error)")
            return nil
        }
    }

    private func job(_ id: String, fresh: Bool = true, due: Due = .now, startBy: Moment? = nil) -> NewJob {
        NewJob(
            id: JobID(unchecked: id), isFresh: fresh, header: JobHeader(type: .plain, startBy: startBy),
            payload: ByteBuffer(), due: due)
    }

    /// A queue of another order takes other ways in nearly every script.
    private func order(_ order: QueueOrder) async throws {
        try await admin.store.configure([("order", order.setting)], of: queue)
    }

    private func unique(_ id: String, _ span: UniqueSpan, _ conflict: UniqueConflict = .reject) -> NewJob {
        var job = job(id)
        job.makeUnique(Unique(id, conflict: conflict), span)
        return job
    }

    /// Ten ready jobs, and no mark, so that the next one has to be written.
    private func seed() async throws {
        _ = try await admin.store.enqueue((0..<10).map { job("j\($0)") }, on: queue)
        var unlink = RedisCommand("DEL")
        unlink.append(store.keys.wake(queue))
        _ = try await admin.store.client.send(unlink)
    }

    /// Enough jobs in one call that a script looks after the shape of its keys: `Lua/include/wide.lua`.
    private var many: [NewJob] { (0..<64).map { job("m\($0)") } }

    /// A job whose id is remembered.
    private func finish(_ id: String) async throws {
        _ = try await admin.store.enqueue([job(id)], on: queue)
        let claim = try await admin.store.claim(1, from: queue, for: consumer, lease: .seconds(30))
        let held = claim.jobs.map { Held(id: $0.id, token: $0.token) }
        #expect(try await admin.store.ack(held, on: queue, by: consumer).accepted == 1)
    }

    func produce() async throws {
        try await finish("done")
        try await tell()
        var flush = RedisCommand("SCRIPT")
        flush.append("FLUSH")
        _ = try await admin.store.client.send(flush)
        var unlink = RedisCommand("DEL")
        unlink.append(store.keys.wake(queue))
        _ = try await admin.store.client.send(unlink)
        _ = await attempt { try await store.open(queue) }
        _ = await attempt { try await store.enqueue(many, on: queue) }
        _ = await attempt { try await store.enqueue([job("done", fresh: false)], on: queue) }
        _ = await attempt { try await store.enqueue([job("a")], on: queue) }
        _ = await attempt { try await store.enqueue([job("b", due: .after(.seconds(60)))], on: queue) }
        _ = await attempt { try await store.enqueue([job("a", fresh: false), job("c", fresh: false)], on: queue) }
        _ = await attempt {
            try await store.enqueue([unique("u", .untilDone), unique("t", .time(.seconds(9)))], on: queue)
        }
        _ = await attempt { try await store.enqueue([unique("u", .untilDone, .replace)], on: queue) }
        try await order(.lifo)
        _ = await attempt { try await store.enqueue([job("d")], on: queue) }
    }

    /// From now on scripts write events, too.
    private func tell() async throws {
        try await admin.store.configure([("events", "100")], of: queue)
    }

    func work() async throws {
        try await tell()
        _ = try await admin.store.enqueue(many, on: queue)
        if let claim = await attempt({
            try await store.claim(64, from: queue, for: consumer, lease: .seconds(30))
        }) {
            let held = claim.jobs.map { Held(id: $0.id, token: $0.token) }
            _ = await attempt { try await store.ack(held, on: queue, by: consumer) }
        }
        try await seed()
        _ = try await admin.store.enqueue([unique("s", .untilStarted), unique("u", .untilDone)], on: queue)
        _ = try await admin.store.enqueue(
            [job("due", due: .at(ms: 1)), job("later", due: .after(.milliseconds(1)))], on: queue)
        _ = await attempt { try await store.open(queue) }
        _ = await attempt { try await store.promote(on: queue, for: consumer) }
        _ = await attempt { try await store.look(at: [queue], for: consumer) }
        let claim = await attempt { try await store.claim(9, from: queue, for: consumer, lease: .seconds(30)) }
        if let claim {
            let held = claim.jobs.map { Held(id: $0.id, token: $0.token) }
            _ = await attempt { try await store.extend(held.map { ($0, .seconds(30)) }, on: queue, by: consumer) }
            _ = await attempt { try await store.extend([(held[6], .seconds(40))], on: queue, by: consumer) }
            _ = await attempt {
                try await store.once("step", of: held[0], noting: ByteBuffer(), on: queue, by: consumer)
            }
            _ = await attempt { try await store.ack([held[0], held[6]], on: queue, by: consumer) }
            let nacks = [
                Nack(held[1], .retry, maxFailures: 9, reason: ""), Nack(held[2], .reject, maxFailures: 9, reason: ""),
                Nack(held[3], .retry, delay: .seconds(9), maxFailures: 9, reason: ""),
                Nack(held[4], .cancel, maxFailures: 9, reason: ""),
            ]
            _ = await attempt { try await store.nack(nacks, on: queue, by: consumer) }
            _ = await attempt { try await store.release([held[5]], on: queue, by: consumer) }
            let note = Note(held[7], .checkpoints, ByteBuffer(string: "x"))
            _ = await attempt { try await store.note([note], on: queue, by: consumer) }
            _ = await attempt { try await store.checkpoint(of: held[7].id, on: queue) }
            _ = await attempt { try await store.log(["x"], of: held[7].id, on: queue) }
            let answer = Answer(held[7], keep: .zero, result: ByteBuffer(string: "x"))
            _ = await attempt { try await store.answer([answer], on: queue, by: consumer, keeping: 0) }
            _ = await attempt { try await store.trimResults(on: queue) }
            _ = await attempt { try await Inspector(store).leases(of: consumer, on: queue) }
        }
        try await lapse()
        _ = await attempt { try await store.reap(from: queue) }
        _ = try await admin.store.enqueue([job("late", startBy: .at(ms: 5)), job("e"), job("f")], on: queue)
        try await order(.aged(.seconds(1)))
        _ = await attempt { try await store.reorder(9, of: queue, from: "0", change: "") }
        _ = await attempt { try await store.order(of: queue) }
        try await order(.shortest)
        for _ in 0..<2 { _ = await attempt { try await store.learn([RunTime("t", runs: 1, us: 5)], of: queue) } }
        _ = try await admin.store.enqueue([job("h")], on: queue)
        _ = await attempt { try await store.claim(1, from: queue, for: consumer, lease: .seconds(30)) }
        _ = await attempt { try await store.claim(9, from: queue, for: consumer, lease: .seconds(30)) }
        try await order(.random)
        _ = try await admin.store.enqueue([job("g")], on: queue)
        _ = await attempt { try await store.claim(9, from: queue, for: consumer, lease: .seconds(30)) }
        let none = Retention(age: .seconds(600), count: 0)
        _ = await attempt {
            try await store.trim(on: queue, keeping: [(.done, none), (.dead, none), (.cancelled, none)])
        }
        _ = await attempt { try await store.beat(consumer, about: "{}", queues: [queue], keep: .seconds(60)) }
        _ = await attempt { try await store.beat(consumer, about: nil, queues: [], keep: .seconds(60)) }
        _ = await attempt { try await store.client.session() }
        _ = await attempt { try await store.connected(among: [1]) }
        _ = await attempt { try await store.watch(by: consumer, every: .zero) }
        _ = await attempt { try await store.miss([(consumer, RedisSession(runID: "life", clientID: 1))]) }
        _ = await attempt { try await store.expel(consumer, from: queue) }
        _ = try await admin.store.enqueue([job("k")], on: queue)
        var twice = RedisCommand("SADD")
        twice.append(contentsOf: [store.keys.state(.done, of: queue), "k"])
        _ = try await admin.store.client.send(twice)
        for part in Store.fsckParts {
            _ = await attempt { try await store.fsck(100, of: part, from: "0", on: queue, mends: true) }
        }
        _ = await attempt { try await store.checkedRun(of: queue) }
        _ = await attempt { try await store.noteChecked(queue, in: "run") }
        _ = await attempt { try await store.queues(of: consumer) }
        _ = await attempt { try await store.forgetSession(of: consumer) }
        _ = await attempt { try await store.serverMs() }
        _ = await attempt { try await store.mark(queue) }
        var pop = RedisCommand("BLPOP")
        pop.append(contentsOf: [store.keys.wake(queue), "1"])
        _ = await attempt { try await store.client.block(pop, upTo: .seconds(1)) }
    }

    /// A lease that has run out.
    private func lapse() async throws {
        let (admin, queue) = (self.admin, self.queue)
        _ = try await admin.store.claim(1, from: queue, for: consumer, lease: .milliseconds(1))
        #expect(try await eventually { try await admin.stats(of: queue).lapseIn == .zero })
    }

    func view() async throws {
        try await tell()
        try await seed()
        try await admin.store.beat(consumer, about: "{}", queues: [queue], keep: .seconds(60))
        let inspector = Inspector(store)
        _ = await attempt { try await inspector.queues() }
        _ = await attempt { try await inspector.stats(of: queue) }
        _ = await attempt { try await inspector.jobs(["j1", "unknown"].map(JobID.init(unchecked:)), on: queue) }
        _ = await attempt { try await inspector.ids(.ready, on: queue, limit: 5) }
        _ = await attempt { try await inspector.ids(.done, on: queue, limit: 5) }
        _ = await attempt { try await inspector.leases(of: consumer, on: queue) }
        _ = await attempt { try await inspector.nodes() }
        _ = await attempt { try await inspector.ahead(of: JobID(unchecked: "j1"), on: queue) }
        _ = await attempt { try await store.failures(10, from: "0", on: queue) }
        _ = await attempt { try await store.settings(of: queue) }
        _ = await attempt { try await store.order(of: queue) }
        _ = await attempt { try await store.estimates(of: queue) }
        let job = JobID(unchecked: "j1")
        _ = await attempt { try await store.result(of: job, on: queue) }
        _ = await attempt { try await store.progress(of: job, on: queue) }
        _ = await attempt { try await store.log(of: job, on: queue) }
        _ = await attempt { try await store.lastEnd(of: queue) }
        let last = await attempt { try await store.position(.now, in: queue) }
        _ = await attempt { try await store.position(.after(last?.id ?? "0-1"), in: queue) }
        let read = store.readEvents(queue, after: EventPosition(), blockMs: 1000)
        _ = await attempt { try await store.client.block(read, upTo: .seconds(1)) }
    }

    func operate() async throws {
        _ = try await admin.store.enqueue([unique("u", .untilDone)], on: queue)
        _ = await attempt { try await store.cancel([JobID(unchecked: "u")], on: queue, reason: "") }
        _ = await attempt { try await store.redrive([JobID(unchecked: "u")], on: queue) }
        _ = await attempt { try await store.configure([("events", "100")], of: queue) }
        try await seed()
        _ = await attempt { try await store.pause(true, queue) }
        _ = await attempt { try await store.pause(false, queue) }
        _ = await attempt {
            try await store.cancel([JobID(unchecked: "j1"), JobID(unchecked: "j2")], on: queue, reason: "")
        }
        try await admin.store.beat(consumer, about: "{}", queues: [queue], keep: .seconds(60))
        for order in [NodeOrder.quiet, .resume] { _ = await attempt { try await store.tell(order, [consumer]) } }
        _ = await attempt { try await store.nudge([consumer], .beat) }
        _ = await attempt { try await store.redrive(["j1", "unknown"].map(JobID.init(unchecked:)), on: queue) }
        _ = await attempt { try await store.configure([("order", "fifo")], of: queue) }
        _ = await attempt { try await store.reorder(9, of: queue, from: "0", change: "") }
        _ = await attempt { try await store.change(["j3", "j4"].map(JobID.init(unchecked:)), on: queue, priority: 5) }
        _ = await attempt {
            try await store.change(["j3"].map(JobID.init(unchecked:)), on: queue, due: .after(.seconds(60)))
        }
        _ = await attempt { try await store.configure([("order", nil)], of: queue) }
        _ = await attempt { try await store.edit([(JobID(unchecked: "j3"), ByteBuffer())], on: queue) }
        _ = await attempt { try await store.purge(10, .ready, on: queue) }
        _ = await attempt { try await store.purge(10, .done, on: queue) }
    }
}
