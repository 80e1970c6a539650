import ArgumentParser
import Foundation
import Stint
import StintCore
import StintLocal
import StintStore

/// What a kill -9 of Redis loses at each level of durability, in numbers.
struct Loss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Kill Redis under load, and count which confirmed enqueues survive, at each level of durability.")

    @Option(help: "How often each level is tried.")
    var rounds = 5

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Draws the same schedule again.")
    var seed: UInt64 = .random(in: 1...999_999)

    enum Level: String, CaseIterable, Codable, Sendable {
        case none = "no persistence"
        case everysec = "everysec"
        case slow = "everysec, fdatasync takes 1.5 s"
        case power = "everysec, power loss"
        case always = "always"
        case replica = "everysec, failover to a replica half a second behind"
        case confirmed = "the same, with enqueues confirmed by that replica"

        var persistence: PrivateRedis.Persistence {
            switch self {
            case .none: .none
            case .everysec, .slow, .power, .replica, .confirmed: .aofEverysec
            case .always: .aofAlways
            }
        }

        var failsOver: Bool { self == .replica || self == .confirmed }

        func environment(_ shim: String?, _ lab: Lab) -> [String: String] {
            guard let shim else { return [:] }
            switch self {
            case .slow: return ["LD_PRELOAD": shim, "SYNC_DELAY_US": "1500000"]
            case .power: return ["LD_PRELOAD": shim, "SYNC_LOG": lab.directory + "/syncs"]
            case .none, .everysec, .always, .replica, .confirmed: return [:]
            }
        }
    }

    struct Round: Codable, Sendable {
        let acknowledged: Int
        let lost: Int
        /// How much of the producer's time the lost jobs are.
        let seconds: Double
    }

    func run() async throws {
        var rows: [(Level, [Round])] = []
        for level in Level.allCases {
            if [.slow, .power].contains(level), let missing = Machine.Need.preload.missing {
                tell("\(level.rawValue): skipped, \(missing)")
                continue
            }
            var results: [Round] = []
            for round in 1...rounds {
                let result = try await interruptible { try await play(level, round) }
                results.append(result)
                tell("\(level.rawValue): acknowledged \(result.acknowledged), lost \(result.lost)")
            }
            rows.append((level, results))
        }
        say(json ? try Self.json(rows) : Self.table(rows))
    }

    private func play(_ level: Level, _ round: Int) async throws -> Round {
        let lab = try Lab("loss", seed: seed &+ UInt64(round), isVerbose: false)
        do {
            let result = try await kill(level, lab)
            await lab.end(keepingIn: nil)
            return result
        } catch {
            await Task { await lab.end(keepingIn: nil) }.value
            throw error
        }
    }

    private func kill(_ level: Level, _ lab: Lab) async throws -> Round {
        let needsShim = level == .slow || level == .power
        let shim = needsShim ? try await Machine.library("Faults/Lab/Shims/slow_sync.c", in: lab.directory) : nil
        try await lab.startServer(
            .init(
                persistence: level.persistence, listensOnTCP: level.failsOver,
                environment: level.environment(shim, lab)))
        let replica = level.failsOver ? try await startReplica(lab) : nil
        let producer = try await lab.produce(
            .max, "noop",
            options: ["--batch", "100", "--callers", "8", "--repeat-ms", "1", "--timeout-ms", "1000"]
                + (level == .confirmed ? ["--replicas", "1"] : []), keepsLedger: true)
        let began = ContinuousClock.now
        try await lab.wait(lab.random(ms: 2500...4500))
        if let replica {
            replica.freeze()
            try await lab.wait(.milliseconds(500))
        }
        let seconds = (ContinuousClock.now - began).inSeconds
        try await lab.killServer()
        replica?.thaw()
        producer.stop()
        _ = try await producer.process.waitForExit()
        if level == .power { try AppendOnlyFile(in: lab.server.directory).cut(toSyncedOf: lab.directory + "/syncs") }
        let accepted = Set(LedgerFile.read("\(lab.directory)/p1.accepted"))
        let lost = accepted.subtracting(try await survivors(lab, replica)).count
        return Round(
            acknowledged: accepted.count, lost: lost,
            seconds: seconds * Double(lost) / Double(max(1, accepted.count)))
    }

    private func startReplica(_ lab: Lab) async throws -> PrivateRedis {
        let port = lab.server.tcpURL?.split(separator: ":").last ?? ""
        let replica = try PrivateRedis(.init(configuration: ["replicaof 127.0.0.1 \(port)"]))
        try await replica.start()
        guard try await lab.until(.seconds(30), { try await lab.redis("WAIT", "1", "1000") == ["1"] }) else {
            throw LossError()
        }
        return replica
    }

    private struct LossError: Error, CustomStringConvertible {
        let description = "the replica does not follow its primary"
    }

    /// What the server has when it is back, or its replica in its place.
    private func survivors(_ lab: Lab, _ replica: PrivateRedis?) async throws -> Set<UInt64> {
        guard let replica else {
            try await lab.serverIsBack()
            return try await ready(lab.client)
        }
        let client = try await StintClient(.redis(replica.url), logger: quiet)
        let marks = try await ready(client)
        await client.close()
        try await replica.stop()
        return marks
    }

    private func ready(_ client: StintClient) async throws -> Set<UInt64> {
        var marks: Set<UInt64> = []
        while true {
            let page = try await client.inspector.ids(.ready, on: Lab.queue, offset: marks.count, limit: 20_000)
            if page.isEmpty { return marks }
            marks.formUnion(page.map { LedgerFile.mark($0.rawValue) })
        }
    }

    // MARK: Report

    private static func table(_ rows: [(Level, [Round])]) -> String {
        let lines = rows.map { level, rounds in
            let lost = rounds.map { Double($0.lost) }, seconds = rounds.map(\.seconds)
            return String(
                format: "| %@ | %d | %.0f | %.0f | %.0f | %.2f s | %.2f s |", level.rawValue, rounds.count,
                rounds.map { Double($0.acknowledged) }.median, lost.median, lost.max() ?? 0, seconds.median,
                seconds.max() ?? 0)
        }
        let head =
            "| level | kills | acknowledged, median | lost, median | lost, most | window, median | window, most |"
        return ([head, "|---|--:|--:|--:|--:|--:|--:|"] + lines).joined(separator: "\n")
    }

    private static func json(_ rows: [(Level, [Round])]) throws -> String {
        let object = Dictionary(uniqueKeysWithValues: rows.map { ($0.0.rawValue, $0.1) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return String(decoding: try encoder.encode(object), as: UTF8.self)
    }
}

extension [Double] {
    fileprivate var median: Double {
        if isEmpty { return .nan }
        let sorted = self.sorted()
        return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2
    }
}
