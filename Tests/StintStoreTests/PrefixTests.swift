import Foundation
import NIOCore
import StintCore
import StintLua
import StintRedis
import StintStore
import Testing

/// What a power failure can leave of a script: its first writes and not the others. For every script that moves jobs and every
/// number of writes: after a check and a reap no job is lost and all can be done.
///
/// The script is cut by its own `redis.call`, which raises an error before the write in question: Redis keeps what was
/// written before an error.
@Suite(.timeLimit(.minutes(5)))
struct PrefixTests {
    /// One script on the jobs of ``seed(_:)``.
    struct Cut: Sendable, CustomTestStringConvertible {
        let script: Script
        /// Given what is leased by ``Bench/me``.
        let arguments: @Sendable (Bench, [Held]) -> [String]
        /// Ids that need not be there afterwards: those that the script accepts or deletes.
        var mayBeGone: Set<String> = []
        var lease: Duration = .minutes(1)
        /// The order of the queue. It is set when there are jobs.
        var order: String?
        /// With events.
        var tells = false

        var testDescription: String { script.name }
    }

    static let cuts: [Cut] = [
        Cut(
            script: Scripts.enqueue,
            arguments: { _, _ in ["0", "0", "1", "2", "n1", "jnoop\n", "n2", "jnoop\n"] }, mayBeGone: ["n1", "n2"]),
        Cut(
            script: Scripts.enqueue,
            arguments: { _, _ in ["9000", "0", "0", "2", "n1", "jnoop\n", "n2", "jnoop\n"] },
            mayBeGone: ["n1", "n2"]),
        // Keys: a new one, those of a scheduled, a ready and a running job, and one for a time.
        Cut(
            script: Scripts.enqueue,
            arguments: { _, _ in
                ["0", "0", "3", "5"] + unique("n1", "d", "new") + unique("n2", "d", "s1") + unique("n3", "d", "r1")
                    + unique("n4", "s", "l2") + unique("n5", "t60000", "time")
            }, mayBeGone: ["n1", "n4", "n5"]),
        Cut(
            script: Scripts.enqueue,
            arguments: { _, _ in
                ["9000", "0", "3", "3"] + unique("n1", "t60000", "s1") + unique("n2", "d", "r1")
                    + unique("n3", "s", "r2")
            }),
        Cut(script: Scripts.claim, arguments: { bench, _ in ["\(bench.me)", "60000", "9"] }),
        Cut(script: Scripts.claim, arguments: { bench, _ in ["\(bench.me)", "60000", "1", "1", "other", "test"] }),
        Cut(script: Scripts.claim, arguments: { bench, _ in ["\(bench.me)", "60000", "9"] }, order: "aged:1000"),
        Cut(script: Scripts.claim, arguments: { bench, _ in ["\(bench.me)", "60000", "9"] }, order: "random"),
        Cut(
            script: Scripts.extend,
            arguments: { bench, held in ["\(bench.me)", "\(held[0].token)", "90000", "2"] + ids(held.prefix(2)) }),
        Cut(
            script: Scripts.ack,
            arguments: { bench, held in ["\(bench.me)", "\(held[0].token)", "\(held.count)"] + ids(held[...]) }),
        Cut(
            script: Scripts.ack,
            arguments: { bench, held in ["\(bench.me)", "\(held[0].token)", "2"] + ids(held.prefix(2)) }),
        Cut(
            script: Scripts.once,
            arguments: { bench, held in ["\(bench.me)", held[0].id.rawValue, "\(held[0].token)", "step", "42"] }),
        Cut(script: Scripts.answer, arguments: { answers($0, $1) }),
        Cut(script: Scripts.answer, arguments: { answers($0, $1) }, tells: true),
        Cut(
            script: Scripts.note,
            arguments: { bench, held in
                ["\(bench.me)"] + held.flatMap { [$0.id.rawValue, "\($0.token)", "checkpoints", "here"] }
                    + [held[0].id.rawValue, "\(held[0].token)", "progress", "0.5 half"]
            }),
        Cut(script: Scripts.nack, arguments: { nacks($0, $1, "retry", "0") }),
        Cut(script: Scripts.nack, arguments: { nacks($0, $1, "retry", "60000") }),
        Cut(script: Scripts.nack, arguments: { nacks($0, $1, "reject", "0") }),
        Cut(script: Scripts.nack, arguments: { nacks($0, $1, "cancel", "0") }),
        Cut(script: Scripts.release, arguments: { releases($0, $1, "0") }),
        Cut(script: Scripts.release, arguments: { releases($0, $1, "60000") }),
        Cut(script: Scripts.reap, arguments: { _, _ in ["9", "3"] }),
        Cut(script: Scripts.reap, arguments: { _, _ in ["9", "1"] }),
        Cut(script: Scripts.expel, arguments: { bench, _ in ["\(bench.me)", "0", "9"] }, lease: .minutes(9)),
        Cut(script: Scripts.promote, arguments: { bench, _ in ["9", "\(bench.me)"] }),
        Cut(script: Scripts.cancel, arguments: { _, _ in ["late", "r1", "s1", "l1", "d1"] }),
        Cut(script: Scripts.redrive, arguments: { _, _ in ["d1", "c1"] }),
        Cut(script: Scripts.redrive, arguments: { _, _ in ["d1", "c1"] }, order: "lifo"),
        Cut(script: Scripts.change, arguments: { _, _ in ["7", "60000", "r1", "r3", "s1"] }),
        Cut(script: Scripts.change, arguments: { _, _ in ["7", "0", "r1", "s1", "s2"] }),
        Cut(script: Scripts.configure, arguments: { _, _ in ["order", "fifo"] }),
        Cut(script: Scripts.reorder, arguments: { _, _ in ["0", "9", ""] }, order: "shortest"),
        Cut(script: Scripts.learn, arguments: { _, _ in ["noop", "3", "9", "other", "1", "9"] }, order: "shortest"),
        Cut(script: Scripts.purge, arguments: { _, _ in ["ready", "9"] }, mayBeGone: ["r1", "r2", "r3"]),
        Cut(script: Scripts.edit, arguments: { _, _ in ["d1", "new", "r1", "new"] }),
        Cut(script: Scripts.trim, arguments: { _, _ in ["9", "dead", "0", "0"] }, mayBeGone: ["d1"]),
        Cut(script: Scripts.trim, arguments: { _, _ in ["9", "done", "0", "0"] }),
        Cut(
            script: Scripts.enqueue,
            arguments: { _, _ in ["0", "0", "1", "2", "n1", "jnoop\n", "n2", "jnoop\n"] }, mayBeGone: ["n1", "n2"],
            tells: true),
        Cut(script: Scripts.claim, arguments: { bench, _ in ["\(bench.me)", "60000", "9"] }, tells: true),
        Cut(
            script: Scripts.ack,
            arguments: { bench, held in ["\(bench.me)", "\(held[0].token)", "2"] + ids(held.prefix(2)) }, tells: true),
        Cut(script: Scripts.nack, arguments: { nacks($0, $1, "retry", "0") }, tells: true),
        Cut(script: Scripts.reap, arguments: { _, _ in ["9", "1"] }, tells: true),
        Cut(script: Scripts.cancel, arguments: { _, _ in ["late", "r1", "s1", "l1", "d1"] }, tells: true),
    ]

    private static func ids(_ held: ArraySlice<Held>) -> [String] { held.map(\.id.rawValue) }

    private static func unique(_ id: String, _ mode: String, _ key: String) -> [String] {
        [id, "Jnoop;u=\(mode)\n", "replace", key]
    }

    private static func nacks(_ bench: Bench, _ held: [Held], _ verdict: String, _ delay: String) -> [String] {
        ["\(bench.me)"] + held.flatMap { [$0.id.rawValue, "\($0.token)", verdict, delay, "9", "oops"] }
    }

    private static func answers(_ bench: Bench, _ held: [Held]) -> [String] {
        ["\(bench.me)", "2", "100"] + held.flatMap { [$0.id.rawValue, "\($0.token)", "60000", "result"] }
    }

    private static func releases(_ bench: Bench, _ held: [Held], _ delay: String) -> [String] {
        ["\(bench.me)", delay, "\(held[0].token)", "\(held.count)"] + ids(held[...])
    }

    /// Jobs in every state. Those that are scheduled are due when the script of the test runs, and leases of a minute over.
    private func seed(_ bench: Bench, _ lease: Duration, tells: Bool) async throws -> [Held] {
        if tells { try await bench.store.configure([("events", "1000")], of: bench.queue) }
        // Each has a key of its own name, but for some.
        try await bench.enqueueUnique("d1", "d1")
        _ = try await bench.nack(try #require(try await bench.held().first), .reject)
        try await bench.enqueueUnique("c1", "c1", until: .time(.minutes(900)))
        _ = try await bench.store.cancel([JobID("c1")], on: bench.queue, reason: "test")
        try await bench.enqueue("l1")
        try await bench.enqueueUnique("l2", "l2")
        try await bench.enqueueUnique("l3", "l3", until: .time(.minutes(900)))
        let held = try await bench.held(lease: lease)
        _ = try await bench.store.once(
            "step", of: held[1], noting: ByteBuffer(string: "42"), on: bench.queue, by: bench.me)
        let later = Due.after(.minutes(2))
        try await bench.enqueueUnique("s1", "s1", due: later)
        try await bench.enqueue("s2", due: later)
        try await bench.advance(by: .minutes(3))
        try await bench.enqueueUnique("r1", "r1")
        try await bench.enqueueUnique("r2", "r2", until: .untilStarted)
        // One that comes too late to be started.
        try await bench.add("r3", priority: 1, startBy: .at(ms: 5))
        return held
    }

    /// The script with a `redis.call` that lets so many writes through.
    private func cut(_ script: Script, after writes: Int) -> String {
        let lines = script.source.split(separator: "\n", maxSplits: 1)
        return lines[0] + """

            local redis = (function(redis)
                local left = \(writes)
                local reads = { TIME = 1, EXISTS = 1, HGET = 1, HMGET = 1, HEXISTS = 1, HSCAN = 1, ZSCORE = 1, ZMSCORE = 1,
                    ZRANGE = 1, ZRANGEBYSCORE = 1, ZRANDMEMBER = 1, HSTRLEN = 1, ZSCAN = 1, ZCARD = 1, ZCOUNT = 1, SCARD = 1, SISMEMBER = 1,
                    SMISMEMBER = 1, LLEN = 1 }
                return setmetatable({ call = function(name, ...)
                    if not reads[name] then
                        if left == 0 then error('cut here') end
                        left = left - 1
                    end
                    return redis.call(name, ...)
                end }, { __index = redis })
            end)(redis)

            """ + lines[1]
    }

    @Test(arguments: cuts) func `no job is lost when only the first writes of a script have happened`(cut: Cut)
        async throws
    {
        var (writes, isWhole) = (0, false)
        while !isWhole {
            try await withQueue { bench in
                let held = try await seed(bench, cut.lease, tells: cut.tells)
                if let order = cut.order { try await bench.store.configure([("order", order)], of: bench.queue) }
                let before = Set(try await bench.dump().states.keys)
                isWhole = try await run(self.cut(cut.script, after: writes), cut.arguments(bench, held), bench)
                let found = try await bench.fsck(mends: true)
                #expect(!isWhole || found.isEmpty, "a whole script left \(found)")
                #expect(try await bench.fsck(mends: false) == [], "after \(writes) writes and \(found)")
                let dump = try await bench.dump()
                #expect(dump.violations(missingRecords: cut.mayBeGone) == [], "after \(writes) writes")
                let lost = before.subtracting(dump.states.keys).subtracting(cut.mayBeGone)
                #expect(lost.isEmpty, "\(lost.sorted()) lost after \(writes) writes")
                try await drain(bench)
                // What was buried because the script had deleted its record, the rules that follow do not know.
                for id in cut.mayBeGone {
                    for key in ["jobs", "tries", "history", "unique_of", "effects", "progress", "checkpoints"] {
                        try await bench.redis("HDEL", bench.key(key), id)
                    }
                    try await bench.redis("ZREM", bench.key("dead"), id)
                }
            }
            writes += 1
            try #require(writes < 100, "the script does not end")
        }
        #expect(writes > 1, "a script without writes needs no test")
    }

    /// - Returns: whether the script ran to its end.
    private func run(_ source: String, _ arguments: [String], _ bench: Bench) async throws -> Bool {
        do {
            let reply = try await bench.eval(source, arguments)
            if case .some(let text) = reply.string, text.contains("STINT_ARGUMENTS") { Issue.record("\(text)") }
            return true
        } catch let error as RedisError where error.message.contains("cut here") {
            return false
        }
    }

    /// Everything that may run can be claimed and acked, once the leases of the past are over.
    private func drain(_ bench: Bench) async throws {
        try await bench.advance(by: .minutes(600))
        _ = try await bench.store.reap(from: bench.queue)
        let held = try await bench.held()
        #expect(try await bench.store.ack(held, on: bench.queue, by: bench.me).accepted == held.count)
        let left = try await bench.dump().states.values.filter { ![.done, .dead, .cancelled].contains($0) }
        #expect(left.isEmpty)
    }
}
