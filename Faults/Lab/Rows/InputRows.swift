import FaultChecker
import Foundation
import NIOCore
import NIOPosix
import Stint
import StintBench
import StintCore
import StintLocal
import StintRedis
import StintStore

/// F35 to F39: what is put into the system.
extension Row {
    static let inputRows = [sizes, largeBatch, hostileNames, malformed, hostileServer]

    private static let sizes = Row("F35", "payloads of 0 B, 1 MiB, 1 MiB + 1 B, 64 MiB") { lab in
        try await lab.startServer()
        let before = try await lab.client.info("stats")["total_connections_received"]
        for bytes in [0, 1 << 20] {
            if let error = await lab.enqueue(bytes) { throw Broken("\(bytes) bytes: \(error)") }
        }
        for bytes in [1 << 20 + 1, 64 << 20] {
            let code = await lab.errorOfEnqueue(bytes)
            if code != .payloadTooLarge { throw Broken("\(bytes) bytes: \(code?.description ?? "accepted")") }
        }
        if let error = await lab.enqueue(10) { throw Broken("afterwards: \(error)") }
        let after = try await lab.client.info("stats")["total_connections_received"]
        if before != after {
            throw Broken("connections were made anew: \(before ?? "?") before, \(after ?? "?") after")
        }
        try await lab.node()
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let largeBatch = Row("F36", "100,000 jobs in one call") { lab in
        try await lab.startServer()
        let producer = try await lab.produce(100_000, "noop", "--batch", "100000", "--callers", "1")
        var times: [Double] = []
        while producer.process.isRunning {
            let began = ContinuousClock.now
            try await lab.redis("PING")
            times.append((ContinuousClock.now - began) / .milliseconds(1))
            try await lab.wait(.milliseconds(1))
        }
        times.sort()
        let p99 = times[times.count * 99 / 100]
        lab.note(String(format: "PING of another client meanwhile: p99 %.1f ms of %d", p99, times.count))
        if p99 > 50 { throw Broken("the p99 of another client is \(p99) ms, the bound is 50 ms") }
        return .with { $0.mayBeUnfinished = true }
    }

    private static let hostileNames = Row("F37", "hostile queue names") { lab in
        try await lab.startServer(.init(persistence: .none))
        let names = [
            "", "{", "}", "{}", "a{b}c", "a\nb", "a\u{0}b", "../x", "%41", "a b", "\u{202E}mail", "📮", "*", "a:b", "-a",
            String(repeating: "q", count: 10_000),
        ]
        for name in names where (try? QueueName(name)) != nil {
            throw Broken("the library takes the name \(name.debugDescription)")
        }
        if let stint = Lab.stint {
            for name in names where !name.contains("\u{0}") {
                let answer = try await Machine.attempt(stint, ["enqueue", "--redis", lab.server.url, "--", name, "x"])
                if answer.isGood { throw Broken("stint enqueue takes the name \(name.debugDescription)") }
            }
        } else {
            lab.note("without the command line: it is not built here")
        }
        let keys = try await lab.redis("DBSIZE")
        if keys != ["0"] { throw Broken("\(keys) keys were made") }
        lab.note("\(names.count) names refused")
        return Promise()
    }

    private static let malformed = Row("F38", "malformed records: damage that somebody wrote by hand") { lab in
        try await lab.startServer()
        let keys = lab.client.store.keys, prefix = keys.queue(Lab.queue)
        let damaged = [
            ("no-record", "0", nil), ("no-header", "1", "garbage without an end"), ("odd-header", "2", "Jx;l=zz\nx"),
            ("infinite", "inf", "jnoop\n"), ("negative", "-inf", "jnoop\n"), ("empty", "3", ""),
        ]
        for (id, score, record) in damaged {
            lab.add(Event(.enqueue, .invoke, mono: ProcessUse.monotonicNs, id: id, consumer: "lab"))
            if let record { try await lab.redis("HSET", prefix + "jobs", id, record) }
            try await lab.redis("ZADD", prefix + "ready", score, id)
        }
        let nodes = try await lab.nodes(2)
        try await lab.produce(200, "slow:10", rate: 100)
        try await lab.drain()
        let stats = try await lab.stats()
        lab.note("\(stats.dead) of \(damaged.count) damaged jobs buried, \(stats.ackedTotal - 200) run")
        if !nodes.allSatisfy(\.process.isRunning) { throw Broken("a node has ended because of a damaged record") }
        return .with { $0.duplicates = .none }
    }

    private static let hostileServer = Row("F39", "a server that answers hostile bytes") { lab in
        let answers = [
            "*2147483647\r\n", String(repeating: "*1\r\n", count: 100_000), "$-5\r\n", "$999999999999\r\nx", "+OK\r\n*",
            ":99999999999999999999999\r\n", "\u{0}\u{1}\u{2}", "%1\r\n+a\r\n+b\r\n", "$3\r\nabcdef",
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for answer in answers { group.addTask { try await lab.expose(toServerThatAnswers: answer) } }
            try await group.waitForAll()
        }
        lab.note("\(answers.count) answers, no crash")
        return Promise()
    }
}

extension Lab {
    fileprivate func expose(toServerThatAnswers answer: String) async throws {
        let server = try await HostileServer.start(answer)
        let process = try await spawn([
            "node", "--url", server.url, "--queue", "faults", "--name", "n", "--timeout-ms", "1000",
        ])
        _ = try await until(.seconds(8)) { !process.isRunning }
        let megabytes = (Memory.resident(of: process.pid) ?? 0) >> 20
        process.signal(SIGKILL)
        let exit = try await process.waitForExit()
        try await server.close()
        let name = answer.prefix(20).debugDescription
        if case .signal(let number) = exit, number != SIGKILL {
            throw Broken("a node died by signal \(number) of \(name)")
        }
        if megabytes > 256 { throw Broken("a node took \(megabytes) MiB for \(name)") }
    }
}

/// Accepts connections, and answers whatever comes with the same bytes.
private struct HostileServer {
    private let listener: any Channel

    static func start(_ answer: String) async throws -> HostileServer {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { $0.pipeline.addHandler(Answerer(answer)) }
            .bind(host: "127.0.0.1", port: 0).get()
        return HostileServer(listener: listener)
    }

    var url: String { "redis://127.0.0.1:\(listener.localAddress?.port ?? 0)" }

    func close() async throws { try await listener.close() }

    private final class Answerer: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let answer: ByteBuffer

        init(_ answer: String) { self.answer = ByteBuffer(string: answer) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.channel.writeAndFlush(answer, promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
