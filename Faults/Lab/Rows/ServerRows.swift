import FaultChecker
import Foundation
import StintCore
import StintLocal
import StintStore

/// F8 to F13, F20, F21: what happens to the server.
extension Row {
    static let serverRows = [
        killedAlways, killedEverysec, killedSlowDisk, powerLoss, torn, forgetful, stalledShort, stalledLong,
    ]

    private static let killedAlways = Row("F8", "kill -9 of Redis, appendfsync always", isShort: true) { lab in
        try await lab.startServer(.init(persistence: .aofAlways))
        try await lab.killUnderLoad(3)
        return .with { $0.recovery = .seconds(5) }
    }

    private static let killedEverysec = Row("F9", "kill -9 of Redis, appendfsync everysec, a normal disk") { lab in
        try await lab.startServer()
        try await lab.killUnderLoad(3)
        return .with { $0.recovery = .seconds(5) }
    }

    private static let killedSlowDisk = Row(
        "F10", "kill -9 of Redis, everysec, fdatasync takes 1.5 s", needs: [.preload]
    ) { lab in
        let shim = try await Machine.library("Faults/Lab/Shims/slow_sync.c", in: lab.directory)
        try await lab.startServer(
            .init(persistence: .aofEverysec, environment: ["LD_PRELOAD": shim, "SYNC_DELAY_US": "1500000"]))
        try await lab.killUnderLoad(2, rate: 500)
        return .with { ($0.loss, $0.serverMayForget) = (.window(seconds: 3), true) }
    }

    private static let powerLoss = Row(
        "F11", "power loss of Redis' machine: its file ends where it was last synced", needs: [.preload]
    ) { lab in
        let shim = try await Machine.library("Faults/Lab/Shims/slow_sync.c", in: lab.directory)
        let log = lab.directory + "/syncs"
        try await lab.startServer(
            .init(persistence: .aofEverysec, environment: ["LD_PRELOAD": shim, "SYNC_LOG": log]))
        try await lab.killUnderLoad(2, rate: 500) {
            try AppendOnlyFile(in: lab.server.directory).cut(toSyncedOf: log)
        }
        return .with { ($0.loss, $0.serverMayForget) = (.window(seconds: 3), true) }
    }

    private static let torn = Row("F12", "torn end of the append-only file, writes, and a second restart") { lab in
        try await lab.startServer()
        if try await lab.fsck() == nil { throw Open("needs stint fsck") }
        try await lab.nodes(2)
        for _ in 0..<6 {
            try await lab.produce(60, "noop,slow:5", rate: 200)
            try await lab.wait(lab.random(ms: 100...250))
            try await lab.killServer()
            let file = try AppendOnlyFile(in: lab.server.directory)
            try file.cut(to: max(0, file.size - lab.random(1...800)))
            try await lab.serverIsBack()
            try await lab.wait(.milliseconds(500))
            // What was cut is completed by what came after it.
            try await lab.killServer()
            try await lab.serverIsBack()
            _ = try await lab.fsck("--repair")
        }
        try await lab.drain()
        return .with { ($0.loss, $0.serverMayForget) = (.window(seconds: 1), true) }
    }

    private static let forgetful = Row("F13", "restart of a Redis without persistence") { lab in
        try await lab.startServer(.init(persistence: .none))
        let nodes = try await lab.nodes(2)
        try await lab.produce(900, "slow:30")
        try await lab.wait(.seconds(1))
        try await lab.killServer()
        try await lab.serverIsBack()
        try await lab.drain()
        let before = try await lab.stats().ackedTotal
        try await lab.produce(100, "noop")
        try await lab.drain()
        let after = try await lab.stats().ackedTotal
        if after < before + 100 { throw Broken("\(after - before) of 100 jobs ran after the restart") }
        if !nodes.allSatisfy(\.process.isRunning) { throw Broken("a node has ended with the server") }
        lab.note("the same nodes ran 100 of 100 jobs of afterwards")
        return .with { ($0.loss, $0.serverMayForget, $0.leastLost) = (.reported, true, 1) }
    }

    private static let stalledShort = Row("F20", "Redis stalls for less than a lease: DEBUG SLEEP, SIGSTOP") { lab in
        try await lab.startServer()
        try await lab.nodes(3, .with { $0.lease = .seconds(9) })
        try await lab.produce(500, "slow:50", rate: 60)
        try await lab.wait(.seconds(1))
        try await lab.redis("DEBUG", "SLEEP", "2")
        try await lab.wait(.seconds(1))
        try await lab.freezeServer(for: .seconds(3))
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let stalledLong = Row("F21", "SIGSTOP of Redis for longer than a lease", isShort: true) { lab in
        try await lab.startServer()
        try await lab.nodes(3)
        try await lab.produce(400, "slow:250=3,stubborn:250", rate: 36, "--batch", "4")
        for _ in 0..<2 {
            try await lab.wait(.seconds(1))
            try await lab.freezeServer(for: .seconds(4))
        }
        try await lab.drain()
        return .with { ($0.recovery, $0.leastLapses) = (.seconds(8), 1) }
    }
}

extension Lab {
    /// The server is killed again and again while producers and nodes go on as if nothing could happen.
    ///
    /// - Parameter whileDown: what else happens to its files.
    func killUnderLoad(_ rounds: Int, rate: Int = 500, whileDown: () throws -> Void = {}) async throws {
        try await nodes(3, .with { $0.concurrency = 8 })
        try await produce(rate * 4 * rounds, "slow:20,noop=3", rate: rate)
        for _ in 0..<rounds {
            try await wait(random(ms: 2000...3000))
            try await killServer()
            try whileDown()
            try await wait(random(ms: 50...500))
            try await serverIsBack()
        }
        try await drain()
    }
}

/// The file to which a server appends. Redis 7 writes several: the last one grows.
struct AppendOnlyFile {
    let path: String

    init(in directory: String) throws {
        let folder = directory + "/appendonlydir"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".incr.aof") }
        guard let last = files.max(by: { $0.localizedStandardCompare($1) == .orderedAscending }) else {
            throw Broken("no append-only file in \(folder)")
        }
        path = folder + "/" + last
    }

    var size: Int { (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0 }

    func cut(to size: Int) throws {
        guard truncate(path, off_t(size)) == 0 else { throw Broken("\(path) cannot be cut") }
    }

    /// - Parameter log: what the preloaded library wrote, "inode size" for each sync.
    func cut(toSyncedOf log: String) throws {
        var about = stat()
        guard stat(path, &about) == 0 else { throw Broken("\(path) is gone") }
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        let sizes = lines.map { $0.split(separator: " ") }.filter { $0.count == 2 && $0[0] == "\(about.st_ino)" }
        try cut(to: min(size, sizes.compactMap { Int($0[1]) }.max() ?? 0))
    }
}
