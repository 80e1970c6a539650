import FaultChecker
import Foundation
import NIOCore
import Stint
import StintBench
import StintCore
import StintLocal
import StintStore

/// F28 to F31: what happens to the memory and the disk of the server.
extension Row {
    static let storageRows = [memoryFull, evicting, diskFull, forking]

    private static let memoryFull = Row("F28", "Redis is out of memory") { lab in
        try await lab.startServer()
        try await lab.produce(2000, "noop", "--padding", "2000")
        try await lab.until(.seconds(20)) { try await lab.stats().ready == 2000 }
        let used = Int(try await lab.client.info("memory")["used_memory"] ?? "") ?? 0
        try await lab.redis("CONFIG", "SET", "maxmemory", "\(used * 9 / 10)")
        let code = await lab.errorOfEnqueue()
        if code != .queueFull {
            throw Broken("an enqueue into a full server ended with \(code?.description ?? "no error")")
        }
        try await lab.nodes(2)
        try await lab.produce(200, "slow:10", rate: 100, "--repeat-ms", "500")
        try await lab.until(.seconds(30)) { try await lab.stats().ackedTotal >= 2000 }
        lab.note("drained while full")
        try await lab.redis("CONFIG", "SET", "maxmemory", "0")
        try await lab.produce(100, "noop")
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let evicting = Row("F29", "maxmemory-policy allkeys-lru") { lab in
        try await lab.startServer(.init(persistence: .none, configuration: ["maxmemory-policy allkeys-lru"]))
        do {
            try await lab.node()
        } catch let error as Broken {
            if !error.description.contains("noeviction") { throw error }
            lab.note("refused at the start, with the setting by name")
            // The check of the queue at the end of the row would be refused, too.
            try await lab.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
            return Promise()
        }
        throw Broken("a node works on a server that evicts")
    }

    private static let diskFull = Row(
        "F30", "the disk of Redis is full, everysec and always", needs: [.mounts]
    ) { lab in
        let disk = try await lab.smallDisk(megabytes: 6)
        try await lab.startServer(.init(persistence: .aofEverysec, configuration: ["dir \(disk)"]))
        try await lab.nodes(2, .with { $0.lease = .seconds(8) })
        try await lab.produce(400, "slow:20", rate: 50, "--padding", "500")
        try await lab.wait(.seconds(1))
        let filler = disk + "/filler"
        try lab.fill(filler)
        try await lab.wait(.seconds(3))
        let refused = await lab.errorOfEnqueue()
        lab.note("everysec: an enqueue ends with \(refused?.description ?? "no error")")
        try FileManager.default.removeItem(atPath: filler)
        let isBack = try await lab.until(.seconds(20)) { await lab.errorOfEnqueue() == nil }
        if !isBack { throw Broken("enqueues are refused although there is room again") }
        try await lab.redis("CONFIG", "SET", "appendfsync", "always")
        try await lab.produce(300, "slow:20", rate: 60, "--padding", "500")
        try await lab.wait(.seconds(1))
        try lab.fill(filler)
        let hasEnded = try await lab.until(.seconds(10)) { lab.server.pid == nil }
        lab.note("always: the server \(hasEnded ? "exits" : "goes on")")
        lab.log(.fault, "server kill")
        try FileManager.default.removeItem(atPath: filler)
        try await lab.serverIsBack()
        try await lab.drain()
        return Promise()
    }

    private static let forking = Row("F31", "snapshots one after the other under load") { lab in
        try await lab.startServer()
        // Something to copy.
        try await lab.redis("DEBUG", "POPULATE", "300000", "ballast", "200")
        try await lab.nodes(3)
        try await lab.produce(600, "slow:30", rate: 90)
        for _ in 0..<14 {
            _ = try? await lab.redis("BGSAVE")
            try await lab.wait(.milliseconds(500))
        }
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }
}

extension Lab {
    /// How an enqueue ends that nobody repeats; `nil` = it was accepted.
    func errorOfEnqueue(_ payload: Int = 1, type: JobType = "noop") async -> StintError.Code? {
        await enqueue(payload, type: type)?.code
    }

    /// A single job of this many bytes, in the history of the laboratory.
    func enqueue(_ bytes: Int, type: JobType = "noop") async -> StintError? {
        let id = client.mint(1)[0]
        func event(_ type: Event.Phase) -> Event {
            Event(.enqueue, type, mono: ProcessUse.monotonicNs, id: id.rawValue, consumer: "lab")
        }
        add(event(.invoke))
        do throws(StintError) {
            let payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: bytes)
            try await client.enqueue(payload: payload, type: type, on: Self.queue, .id(id))
            add(event(.ok))
            return nil
        } catch {
            add(event(error.code == .unconfirmed ? .info : .fail))
            return error
        }
    }

    /// A file system of its own, in memory.
    fileprivate func smallDisk(megabytes: Int) async throws -> String {
        let path = directory + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await Machine.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path)
        atEnd { _ = try? await Machine.attempt("umount", ["-l", path]) }
        return path
    }

    /// Writes until nothing more fits.
    fileprivate func fill(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Broken("\(path) cannot be made") }
        defer { close(descriptor) }
        for size in [65_536, 4096, 64, 1] {
            let zeros = [UInt8](repeating: 0, count: size)
            while write(descriptor, zeros, size) == size {}
        }
    }
}
