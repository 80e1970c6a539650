#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The private Redis of this user: one server on a Unix socket, with its data in the state directory, that outlives the
/// commands which use it. It listens on no network.
///
/// Any number of processes may call any of these at the same time.
package struct LocalRedis: Sendable {
    package struct Status: Sendable, Equatable {
        package var isRunning: Bool
        package var url: String
        package var directory: String
        /// Nil, like all that follow, when the server does not run.
        package var pid: Int32?
        package var version: String?
        package var uptime: Duration?
        package var memoryBytes: Int?
    }

    private let directory: StateDirectory
    private let program: String?

    /// `directory` defaults to this user's state directory (`$STINT_STATE_DIR`, else the platform's place for such
    /// files), `program` to the `redis-server` found in PATH.
    package init(directory: String? = nil, program: String? = nil) throws {
        self.directory = try directory.map(StateDirectory.init) ?? .standard()
        self.program = program
    }

    package var url: String { socketURL(directory.socket) }
    package var logPath: String { directory.log }

    /// Makes sure that the server runs and answers, and returns its URL. When it runs already, this costs one PING.
    /// Starting waits for the server to read its files, for at most `limit` (default: 60 seconds).
    @discardableResult
    package func start(within limit: Duration = .seconds(60)) async throws -> String {
        if Pulse.take(directory.socket) == .ready { return url }
        let end = ContinuousClock.now + limit
        try directory.prepare()
        try await withFileLock(directory.lock, within: limit) {
            if Pulse.take(directory.socket) == .absent {
                try await endUnreachable(until: end)
                try await launch(until: end)
            } else {
                try await waitUntilReady(until: end) {}
            }
        }
        return url
    }

    /// Stops the server; its data stays. False when none was running.
    package func stop(within limit: Duration = .seconds(60)) async throws -> Bool {
        let end = ContinuousClock.now + limit
        guard Pulse.take(directory.socket) != .absent || runningPid() != nil else { return false }
        return try await withFileLock(directory.lock, within: limit) {
            guard let pid = runningPid() else { return false }
            // Redis writes its append-only file out on SIGTERM; unlike SHUTDOWN it works without the socket's file, too.
            kill(pid, SIGTERM)
            try await waitForEnd(of: pid, until: end)
            return true
        }
    }

    package func status() async throws -> Status {
        var status = Status(isRunning: false, url: url, directory: directory.path)
        guard Pulse.take(directory.socket) != .absent else { return status }
        var connection = try RawRedis(socketPath: directory.socket, timeout: .seconds(10))
        guard case .text(let text) = try connection.call("INFO") else { return status }
        let fields = infoFields(text)
        status.isRunning = true
        status.pid = fields["process_id"].flatMap { Int32($0) }
        status.version = fields["redis_version"]
        status.uptime = fields["uptime_in_seconds"].flatMap { Int($0) }.map { .seconds($0) }
        status.memoryBytes = fields["used_memory"].flatMap { Int($0) }
        return status
    }

    // MARK: - Starting

    private var configuration: String {
        """
        # Written anew at every start of the private server.
        port 0
        unixsocket \(quoted(directory.socket))
        unixsocketperm 700
        dir \(quoted(directory.path))
        pidfile \(quoted(directory.pidFile))
        logfile ""
        daemonize no
        save ""
        appendonly yes
        appendfsync everysec
        maxmemory-policy noeviction

        """
    }

    /// The server is a plain child in a session of its own and not a daemon that forks itself: that way the end of one
    /// that fails to start is seen at once, with its last words, and no time limit has to be guessed.
    private func launch(until end: ContinuousClock.Instant) async throws {
        let program = try await ServerProgram.usable(at: program)
        try writeText(configuration, to: directory.configuration)
        let logStart = readText(directory.log)?.utf8.count ?? 0
        let script = #"exec "$1" "$2" </dev/null >>"$3" 2>&1"#
        let server = try await ChildProcess.spawn(
            "/bin/sh", ["-c", script, "sh", program.path, directory.configuration, directory.log],
            workingDirectory: directory.path, newSession: true)
        try await waitUntilReady(until: end) {
            guard !server.isRunning else { return }
            throw startFailure(logTail(directory.log, from: logStart), server.errorOutput.soFar)
        }
    }

    private func startFailure(_ log: String, _ shell: [String]) -> LocalRedisError {
        let words = log.isEmpty ? shell.joined(separator: "\n") : log
        let code: LocalRedisError.Code = words.contains("No space left") ? .diskFull : .startFailed
        let cause = code == .diskFull ? "the disk of \(directory.path) is full" : "redis-server did not start"
        return LocalRedisError(code, "\(cause); it said (\(directory.log)):\n\(words)")
    }

    private func waitUntilReady(until end: ContinuousClock.Instant, check: () throws -> Void) async throws {
        var pause = Duration.milliseconds(2)
        while Pulse.take(directory.socket) != .ready {
            try check()
            guard ContinuousClock.now < end else {
                throw LocalRedisError(
                    .notAnswering, "the private redis-server does not answer; see \(directory.log)")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    // MARK: - Servers that run already

    /// A server whose socket somebody removed still owns the data: two servers on one append-only file destroy it.
    private func endUnreachable(until end: ContinuousClock.Instant) async throws {
        guard let pid = runningPid() else { return }
        kill(pid, SIGTERM)
        try await waitForEnd(of: pid, until: end)
    }

    private func waitForEnd(of pid: Int32, until end: ContinuousClock.Instant) async throws {
        while isOurServer(pid) {
            guard ContinuousClock.now < end else {
                throw LocalRedisError(.stopFailed, "redis-server (pid \(pid)) does not stop; see \(directory.log)")
            }
            try await Task.sleep(for: .milliseconds(3))
        }
    }

    /// The pid file's process, if it is alive and is this directory's server: after a crash or a reboot the number may
    /// belong to anybody.
    private func runningPid() -> Int32? {
        guard let text = readText(directory.pidFile),
            let pid = Int32(text.prefix { $0.isNumber }), pid > 1, isOurServer(pid)
        else { return nil }
        return pid
    }

    private func isOurServer(_ pid: Int32) -> Bool {
        workingDirectory(of: pid).map { $0 == realPath(directory.path) } ?? false
    }
}

/// The lines `name:value` of an INFO reply.
func infoFields(_ text: String) -> [Substring: String] {
    var fields: [Substring: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
        guard let colon = line.firstIndex(of: ":") else { continue }
        fields[line[..<colon]] = String(line[line.index(after: colon)...])
    }
    return fields
}
