import Foundation
import StintLocal
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LocalRedisTests {
    @Test func `many starts at once end with one server`() async throws {
        try await withDirectory { directory in
            let urls = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await LocalRedis(directory: directory).start() }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            let local = try LocalRedis(directory: directory)
            #expect(urls == [local.url])
            let log = try String(contentsOfFile: local.logPath, encoding: .utf8)
            #expect(
                log.split(separator: "\n").count {
                    $0.contains("Redis is starting") || $0.contains("Valkey is starting")
                } == 1)
        }
    }

    @Test func `the data survives a stop`() async throws {
        try await withDirectory { directory in
            let local = try LocalRedis(directory: directory)
            try await local.start()
            try set("name", directory)
            #expect(try await local.stop())
            #expect(try await !local.stop())
            try await local.start()
            #expect(try get("name", directory) == .text("value"))
        }
    }

    @Test func `status tells what runs and where`() async throws {
        try await withDirectory { directory in
            let local = try LocalRedis(directory: directory)
            let before = try await local.status()
            #expect(!before.isRunning && before.pid == nil)
            try await local.start()
            let status = try await local.status()
            #expect(status.isRunning)
            #expect(status.directory == directory)
            #expect(status.url == "redis+unix://\(directory)/redis.sock")
            #expect(kill(try #require(status.pid), 0) == 0)
            #expect(try #require(status.version).contains("."))
            #expect(try #require(status.memoryBytes) > 100_000)
            let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
            #expect(mode == 0o700)
        }
    }

    @Test func `a start after a kill gets over the stale socket and pid file`() async throws {
        try await withDirectory { directory in
            let local = try LocalRedis(directory: directory)
            try await local.start()
            let pid = try #require(try await local.status().pid)
            kill(pid, SIGKILL)
            try await local.start()
            #expect(FileManager.default.fileExists(atPath: directory + "/redis.pid"))
            let next = try await local.status().pid
            #expect(next != nil && next != pid)
        }
    }

    @Test func `a pid file that names somebody else harms nobody`() async throws {
        try await withDirectory { directory in
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let bystander = try await ChildProcess.spawn("/bin/cat")
            try "\(bystander.pid)\n".write(toFile: directory + "/redis.pid", atomically: true, encoding: .utf8)
            let local = try LocalRedis(directory: directory)
            #expect(try await !local.stop())
            try await local.start()
            #expect(bystander.isRunning)
            bystander.closeInput()
            #expect(try await bystander.waitForExit() == .code(0))
        }
    }

    @Test func `a server whose socket was removed is replaced and never doubled`() async throws {
        try await withDirectory { directory in
            let local = try LocalRedis(directory: directory)
            try await local.start()
            let first = try #require(try await local.status().pid)
            try set("name", directory)
            try FileManager.default.removeItem(atPath: directory + "/redis.sock")
            try await local.start()
            #expect(try await local.status().pid != first)
            #expect(kill(first, 0) != 0)
            #expect(try get("name", directory) == .text("value"))
        }
    }

    @Test func `a directory too deep for a socket address gets a short socket`() async throws {
        try await withDirectory { directory in
            let deep = directory + "/" + String(repeating: "d", count: 100)
            let local = try LocalRedis(directory: deep)
            let url = try await local.start()
            #expect(url.hasPrefix("redis+unix:///tmp/stint-\(getuid())-"))
            #expect(try await local.status().isRunning)
            #expect(try await local.stop())
            let socket = String(url.dropFirst("redis+unix://".count))
            try FileManager.default.removeItem(atPath: (socket as NSString).deletingLastPathComponent)
        }
    }

    @Test func `spaces and quotes in the directory are no trouble`() async throws {
        try await withDirectory { directory in
            let local = try LocalRedis(directory: directory + "/a \"b\"")
            let url = try await local.start()
            #expect(url.hasSuffix("/a%20%22b%22/redis.sock"))
            #expect(try await local.stop())
        }
    }

    @Test func `a directory that cannot be made is named in the error`() async throws {
        let local = try LocalRedis(directory: "/dev/null/stint")
        let error = await #expect(throws: LocalRedisError.self) { try await local.start() }
        #expect(error?.code == .directoryUnusable)
        #expect(error?.message.contains("/dev/null/stint") == true)
    }

    @Test func `a directory that others can write is refused and left as it is`() async throws {
        try await withDirectory { directory in
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
            chmod(directory, 0o777)
            let local = try LocalRedis(directory: directory)
            let error = await #expect(throws: LocalRedisError.self) { try await local.start() }
            #expect(error?.code == .directoryUnusable)
            let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
            #expect(mode == 0o777)
        }
    }

    @Test func `a missing or old server program is said with the remedy`() async throws {
        try await withDirectory { directory in
            let missing = await #expect(throws: LocalRedisError.self) {
                try await LocalRedis(directory: directory, program: directory + "/none").start()
            }
            #expect(missing?.code == .serverNotFound)
            #expect(missing?.message.contains("apt-get install redis-server") == true)
            let old = directory + "/old-redis"
            // Written by a child: while this process has the file open, a fork of a parallel test could make it "busy".
            let script =
                ##"mkdir -p "$1"; printf "#!/bin/sh\necho Redis server v=6.2.14\n" >"$1/old-redis"; chmod 755 "$1/old-redis""##
            let writer = try await ChildProcess.spawn("/bin/sh", ["-c", script, "sh", directory])
            #expect(try await writer.waitForExit() == .code(0))
            let tooOld = await #expect(throws: LocalRedisError.self) {
                try await LocalRedis(directory: directory, program: old).start()
            }
            #expect(tooOld?.code == .serverTooOld)
            #expect(tooOld?.message.contains("6.2.14") == true)
        }
    }

    @Test func `a server that fails to start is quoted`() async throws {
        try await withDirectory { directory in
            let local = try LocalRedis(directory: directory)
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            // A file where Redis wants its directory.
            try "".write(toFile: directory + "/appendonlydir", atomically: true, encoding: .utf8)
            let error = await #expect(throws: LocalRedisError.self) { try await local.start() }
            #expect(error?.code == .startFailed)
            #expect(error?.message.contains("appendonlydir") == true)
        }
    }
}

/// Gives a directory that does not exist yet, and stops the server of it whatever the test did.
private func withDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = "/tmp/stint-test-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let result: Result<Void, any Error>
    do { result = .success(try await body(directory)) } catch { result = .failure(error) }
    _ = try? await LocalRedis(directory: directory).stop()
    try? FileManager.default.removeItem(atPath: directory)
    try result.get()
}

private func set(_ name: String, _ directory: String) throws {
    var connection = try RawRedis(socketPath: directory + "/redis.sock", timeout: .seconds(60))
    #expect(try connection.call("SET", name, "value") == .text("OK"))
}

private func get(_ name: String, _ directory: String) throws -> RawRedis.Reply {
    var connection = try RawRedis(socketPath: directory + "/redis.sock", timeout: .seconds(60))
    return try connection.call("GET", name)
}
