import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// A throw-away server for one process: for tests, demonstrations and measurements. It listens on a Unix socket in a
/// temporary directory of its own, and dies with its owner, however that ends.
///
/// The calls that change its state are meant for one task at a time.
package final class PrivateRedis: Sendable {
    package enum Persistence: Sendable {
        case none
        /// Every write is on disk before its reply.
        case aofAlways
        /// A crash of the machine loses about a second; a crash of the server alone loses nothing.
        case aofEverysec
    }

    package struct Options: Sendable {
        package var persistence: Persistence
        /// Listens on a free loopback port as well; see ``PrivateRedis/tcpURL``. Default: false.
        package var listensOnTCP: Bool
        /// Lines for redis.conf; they win over ours.
        package var configuration: [String]
        /// Variables for the server's process alone.
        package var environment: [String: String]
        /// Default: the `redis-server` found in PATH.
        package var program: String?

        package init(
            persistence: Persistence = .none, listensOnTCP: Bool = false, configuration: [String] = [],
            environment: [String: String] = [:], program: String? = nil
        ) {
            self.persistence = persistence
            self.listensOnTCP = listensOnTCP
            self.configuration = configuration
            self.environment = environment
            self.program = program
        }
    }

    private struct Running {
        var supervisor: ChildProcess
        var pid: Int32
    }

    package let options: Options
    package let directory: String
    private let port: Mutex<Int?> = Mutex(nil)
    private let running: Mutex<Running?> = Mutex(nil)

    /// Makes the directory; ``start()`` makes the server.
    package init(_ options: Options = Options()) throws {
        self.options = options
        directory = try Self.makeTemporaryDirectory()
    }

    /// A server that runs takes its directory along.
    deinit {
        if pid == nil { removeDirectory(directory) }
    }

    /// `redis+unix://…`
    package var url: String { socketURL(socketPath) }
    package var socketPath: String { directory + "/redis.sock" }
    /// `redis://127.0.0.1:…`, or nil unless the options asked for it. The port stays the same over restarts.
    package var tcpURL: String? { port.withLock { $0.map { "redis://127.0.0.1:\($0)" } } }
    /// Nil while no server runs.
    package var pid: Int32? { running.withLock { $0.flatMap { $0.supervisor.isRunning ? $0.pid : nil } } }
    package var log: String { readText(directory + "/redis.log") ?? "" }

    /// Starts the server and waits until it answers. Does nothing when it runs.
    package func start() async throws {
        guard pid == nil else { return }
        let program = try await ServerProgram.usable(at: options.program)
        // A free port may be taken before the server binds it.
        for attempt in 1... {
            if options.listensOnTCP && port.withLock({ $0 == nil }) {
                let unused = try unusedLoopbackPort()
                port.withLock { $0 = unused }
            }
            do {
                return try await launch(program)
            } catch let error as LocalRedisError where error.message.contains("Address already in use") && attempt < 5 {
                port.withLock { $0 = nil }
            }
        }
    }

    /// SIGKILL, as if the machine's out-of-memory killer had come by. The files stay for ``restart()``.
    package func kill() async throws { try await end(with: SIGKILL) }

    /// SIGTERM, and waits for the end. The files stay.
    package func shutDown() async throws { try await end(with: SIGTERM) }

    /// Kills the server if it runs, and starts one on the same files, socket and port.
    package func restart() async throws {
        try await kill()
        try await start()
    }

    /// Stops the server's clock (SIGSTOP): it accepts connections and answers nothing until ``thaw()``.
    package func freeze() { signal(SIGSTOP) }

    package func thaw() { signal(SIGCONT) }

    /// Kills the server and removes its directory. It may be called on a server that is dead already.
    package func stop() async throws {
        if let supervisor = running.withLock({ $0?.supervisor }) {
            supervisor.closeInput()
            _ = try await supervisor.waitForExit()
            running.withLock { $0 = nil }
        }
        removeDirectory(directory)
    }

    // MARK: - The process

    /// Two processes watch each other: the shell's end is the server's end, with the same status; and the end of the
    /// shell's input, which is the end of ours, is the end of the server and of its files. That holds even when this
    /// process is killed by SIGKILL, and needs nothing that only one platform has. `trap` makes the watcher's answer
    /// certain: either it was told to go (the server ended by itself), or it has killed the server. The shell writes its
    /// "Killed" to the log: a pipe to us may have no reader any more, and SIGPIPE would spare the files.
    private static let supervision = #"""
        directory=$1; shift
        exec 3<&0 </dev/null 2>>"$directory/redis.log"
        "$@" >&2 3<&- &
        server=$!
        echo "$server"
        (
            read -r _ <&3
            trap '' TERM
            kill -9 "$server"
        ) &
        watcher=$!
        wait "$server"
        status=$?
        kill "$watcher" 2>/dev/null
        if wait "$watcher"; then rm -rf "$directory"; fi
        exit "$status"
        """#

    private func launch(_ program: ServerProgram) async throws {
        try writeText(configuration, to: directory + "/redis.conf")
        unlink(socketPath)
        let logStart = log.utf8.count
        let variables = options.environment.map { "\($0.key)=\($0.value)" }
        let command = ["env"] + variables + [program.path, directory + "/redis.conf"]
        let supervisor = try await ChildProcess.spawn(
            "/bin/sh", ["-c", Self.supervision, "sh", directory] + command, workingDirectory: "/", newSession: true)
        let pid = try await supervisor.output.first { Int32($0) != nil }
        running.withLock { $0 = Running(supervisor: supervisor, pid: Int32(pid) ?? 0) }
        let end = ContinuousClock.now + .seconds(60)
        while Pulse.take(socketPath) != .ready {
            guard supervisor.isRunning else {
                throw LocalRedisError(
                    .startFailed,
                    "redis-server did not start; it said:\n\(logTail(directory + "/redis.log", from: logStart))")
            }
            guard ContinuousClock.now < end else {
                throw LocalRedisError(.notAnswering, "redis-server does not answer; it said:\n\(log)")
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private var configuration: String {
        let persistence =
            switch options.persistence {
            case .none: "appendonly no"
            case .aofAlways: "appendonly yes\nappendfsync always"
            case .aofEverysec: "appendonly yes\nappendfsync everysec"
            }
        return """
            bind 127.0.0.1
            port \(port.withLock { $0 } ?? 0)
            unixsocket \(quoted(socketPath))
            unixsocketperm 700
            dir \(quoted(directory))
            logfile ""
            daemonize no
            save ""
            \(persistence)
            maxmemory-policy noeviction
            enable-debug-command local
            \(options.configuration.joined(separator: "\n"))

            """
    }

    private func signal(_ number: Int32) {
        running.withLock { running in
            // The shell reaps the server only right before it ends itself, so a live shell vouches for the pid.
            guard let running, running.supervisor.isRunning else { return }
            _ = systemKill(running.pid, number)
        }
    }

    private func end(with number: Int32) async throws {
        guard let supervisor = running.withLock({ $0?.supervisor }) else { return }
        signal(number)
        if number != SIGKILL { thaw() }
        _ = try await supervisor.waitForExit()
        running.withLock { $0 = nil }
    }

    private static func makeTemporaryDirectory() throws -> String {
        let preferred = environmentValue("TMPDIR") ?? "/tmp"
        let base = preferred.utf8.count <= 60 && preferred.hasPrefix("/") ? preferred : "/tmp"
        var template = Array("\(base)/stint-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw fileError("cannot make a directory in \(base)", errno) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
