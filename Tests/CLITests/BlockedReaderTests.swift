import Foundation
import StintTesting
import Synchronization
import Testing

@testable import StintCLI

/// Standard error, or the history, is connected to somebody who does not read.
struct BlockedReaderTests {
    let queue = RedisServer.uniqueQueue()

    @Test func `leases are kept while nobody reads standard error`() async throws {
        let stint = try await Command.shared()
        // Two jobs that say more than a pipe holds, and others whose end the node itself has to tell.
        let lines = ["loud", "loud"] + (1...20).map { "quiet \($0)" }
        let input = lines.enumerated().map { "{\"id\":\"job-\($0)\",\"payload\":\"\($1)\\n\"}\n" }.joined()
        try #require(try await stint("enqueue", queue, "--ndjson", "-", input: input).status == 0)
        let pipe = Pipe()
        let worker = try start(
            stint, errors: pipe, "work", queue, "-v", "--lease", "6s", "--concurrency", "3", "--exec",
            "read -r how rest; if [ $how = loud ]; then head -c 100000 /dev/zero | tr '\\0' x >&2; fi")
        defer { worker.terminate() }
        #expect(await eventually { (try? await stint.count("acked_total", queue)) == 20 })

        // The two that nobody listens to: at least one waits to be heard, its lease extended again and again.
        @Sendable func deadline() async throws -> Int {
            let list = try await stint("job", "ls", queue, "--state", "leased", "--json").object()["jobs"]
            let first = try #require((list as? [[String: Any]])?.first?["id"] as? String)
            return try #require(try await stint("job", "show", queue, first, "--json").object()["deadline_ms"] as? Int)
        }
        let began = try await deadline()
        #expect(await eventually { ((try? await deadline()) ?? 0) > began + 2500 })
        #expect(try await stint.count("lapsed_total", queue) == 0)

        let heard = Mutex<Data?>(nil)
        Thread {
            let all = pipe.fileHandleForReading.readDataToEndOfFile()
            heard.withLock { $0 = all }
        }.start()
        #expect(await eventually { (try? await stint.count("acked_total", queue)) == 22 })
        #expect(try await stint.count("lapsed_total", queue) == 0)
        worker.interrupt()
        #expect(await eventually { !worker.isRunning && heard.withLock { $0 != nil } })
        #expect(worker.terminationStatus == 0)
        let text = String(decoding: heard.withLock { $0 } ?? Data(), as: UTF8.self)
        for number in 0..<22 { #expect(text.contains("✓ job-\(number) ")) }
    }

    @Test func `a node whose jobs nobody listens to ends with its grace`() async throws {
        let stint = try await Command.shared()
        try #require(try await stint("enqueue", queue, "--lines", "-", input: "1\n2\n3\n").status == 0)
        let pipe = Pipe()
        let worker = try start(
            stint, errors: pipe, "work", queue, "--exec", "head -c 100000 /dev/zero | tr '\\0' x >&2", "--lease", "6s",
            "--grace", "100ms")
        defer { worker.terminate() }
        #expect(await eventually { (try? await stint.count("leased", queue)) ?? 0 > 0 })
        worker.interrupt()
        #expect(await eventually { !worker.isRunning })
        withExtendedLifetime(pipe) {}
    }

    @Test func `a history that nobody reads does not stop the work`() async throws {
        let stint = try await Command.shared()
        try #require(
            try await stint("enqueue", queue, "--lines", "-", input: (1...300).map { "\($0)\n" }.joined()).status == 0)
        let result = try await stint.shell(
            """
            d=$(mktemp -d); mkfifo $d/history; exec 9<>$d/history
            stint work \(queue) --echo --until-empty --history $d/history; status=$?
            rm -r $d; exit $status
            """)
        #expect(result.status == 0)
        #expect(result.lines.count == 300)
        #expect(result.errors.contains(/\d+ events could not be written to/))
    }

    @Test func `a history goes through a pipe as a whole`() async throws {
        let stint = try await Command.shared()
        try #require(
            try await stint("enqueue", queue, "--lines", "-", input: (1...300).map { "\($0)\n" }.joined()).status == 0)
        let result = try await stint.shell(
            """
            d=$(mktemp -d); mkfifo $d/history; cat $d/history &
            stint work \(queue) --exec true --until-empty --history $d/history >&2; status=$?
            wait; rm -r $d; exit $status
            """)
        #expect(result.status == 0)
        let events = try result.objects().map { $0["event"] as? String }
        #expect(events.count { $0 == "settled" } == 300)
        #expect(events.first == "started")
        #expect(events.last == "stopped")
        #expect(!result.errors.contains("could not be written"))
    }

    @Test func `lines beyond the limit are dropped, and their number stands where they are missing`() throws {
        let (read, write) = try pipe()
        // Full, so that the first line has to wait.
        _ = fcntl(write, F_SETFL, O_NONBLOCK)
        var stuffing = 0
        while putByte(write) == 1 { stuffing += 1 }
        let writer = BackgroundWriter(write, label: "test", limitBytes: 60) { "\($0) \($1)\n" }
        for number in 0..<50 { writer.add("line \(number % 10)...\n") }
        #expect(writer.flush(within: .milliseconds(50)) == 50)
        let handle = FileHandle(fileDescriptor: read, closeOnDealloc: true)
        let first = try #require(try handle.read(upToCount: stuffing))
        #expect(writer.flush(within: .seconds(60)) == 0)
        writer.add("after\n")
        #expect(writer.flush(within: .seconds(60)) == 0)
        close(write)
        let all = first + (try handle.readToEnd() ?? Data())
        let text = String(decoding: all.dropFirst(stuffing), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines.prefix(6) == (0..<6).map { "line \($0)..." }[...])
        // Told once or twice: the thread may look while lines are still being added.
        let told = lines.dropFirst(6).dropLast().map { $0.split(separator: " ") }
        #expect(told.allSatisfy { $0.last == "full" })
        #expect(told.compactMap { $0.first.flatMap { Int($0) } }.reduce(0, +) == 44)
        #expect(lines.last == "after")
    }

    @Test func `a line longer than the limit does not silence those after it`() throws {
        let (read, write) = try pipe()
        let writer = BackgroundWriter(write, label: "test", limitBytes: 60) { "\($0) \($1)\n" }
        writer.add(String(repeating: "x", count: 100) + "\n")
        #expect(writer.flush(within: .seconds(60)) == 0)
        writer.add("after\n")
        #expect(writer.flush(within: .seconds(60)) == 0)
        close(write)
        let text = try FileHandle(fileDescriptor: read, closeOnDealloc: true).readToEnd()
        #expect(text.map { String(decoding: $0, as: UTF8.self) } == "1 full\nafter\n")
    }

    @Test func `a writer that is late is waited for, as long as somebody reads`() throws {
        let (read, write) = try pipe()
        // As on a machine that gives the writer's thread no processor.
        let writer = BackgroundWriter(
            write, label: "test", limitBytes: 60, onLoss: { _, _ in "" },
            write: { bytes in
                _ = DispatchSemaphore(value: 0).wait(timeout: .now() + 0.3)
                return Console.writeAll(bytes, to: write)
            })
        writer.add("last words\n")
        #expect(writer.flush(within: .milliseconds(200)) == 0)
        close(write)
        let text = try FileHandle(fileDescriptor: read, closeOnDealloc: true).readToEnd()
        #expect(text.map { String(decoding: $0, as: UTF8.self) } == "last words\n")
    }

    // MARK: Help

    private func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(Foundation.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private func putByte(_ descriptor: Int32) -> Int { Foundation.write(descriptor, "x", 1) }

    /// A process whose standard error is ours to read or not.
    private func start(_ stint: Command, errors: Pipe, _ arguments: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Command.path)
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        for name in Command.noEnvironment.keys { environment[name] = nil }
        process.environment = environment.merging(stint.environment) { $1 }
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Only the worker's end is left: the reader sees its end.
        try errors.fileHandleForWriting.close()
        return process
    }
}
