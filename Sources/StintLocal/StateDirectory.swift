#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Where the private server of this user keeps its files. One per user and not per working directory, so that two
/// terminals in different directories meet at the same queues.
struct StateDirectory: Sendable {
    let path: String

    /// The longest socket path that is used as it is: addresses hold 104 bytes on Darwin, 108 on Linux.
    private static let longestSocketPath = 100

    init(_ path: String) { self.path = path }

    /// `$STINT_STATE_DIR`, else `$XDG_STATE_HOME/stint`, else `~/.local/state/stint`
    /// (macOS: `~/Library/Application Support/stint`).
    static func standard() throws -> StateDirectory {
        if let path = environmentValue("STINT_STATE_DIR") { return StateDirectory(absolute(path)) }
        if let path = environmentValue("XDG_STATE_HOME"), path.hasPrefix("/") { return StateDirectory(path + "/stint") }
        guard let home = environmentValue("HOME") ?? homeOfUser() else {
            throw LocalRedisError(.directoryUnusable, "this user has no home directory; set STINT_STATE_DIR")
        }
        #if os(macOS)
        return StateDirectory(home + "/Library/Application Support/stint")
        #else
        return StateDirectory(home + "/.local/state/stint")
        #endif
    }

    var configuration: String { path + "/redis.conf" }
    var log: String { path + "/redis.log" }
    var pidFile: String { path + "/redis.pid" }
    var lock: String { path + "/redis.lock" }

    /// In the directory itself, or, when that is too deep for a socket address, in a short directory of our own.
    var socket: String {
        let near = path + "/redis.sock"
        return near.utf8.count <= Self.longestSocketPath ? near : shortSocketDirectory + "/redis.sock"
    }

    private var shortSocketDirectory: String {
        let hash = path.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        return "/tmp/stint-\(getuid())-\(String(hash, radix: 16))"
    }

    /// Makes the directories that are missing, with mode 0700, and refuses those that another user could tamper with.
    func prepare() throws {
        try Self.makeDirectories(path)
        try Self.checkOwner(path, link: true)
        if !socket.hasPrefix(path + "/") {
            try Self.makeDirectories(shortSocketDirectory)
            try Self.checkOwner(shortSocketDirectory, link: false)
        }
    }

    private static func makeDirectories(_ path: String) throws {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw fileError("cannot make the directory \(path)", errno)
        }
        try makeDirectories(String(path[..<slash]))
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw fileError("cannot make the directory \(path)", errno) }
    }

    /// Never changes the mode of a directory that was there: it may be `/tmp`, named by mistake.
    private static func checkOwner(_ path: String, link allowed: Bool) throws {
        var info = stat()
        guard lstat(path, &info) == 0 else { throw fileError("cannot read the directory \(path)", errno) }
        if allowed, info.st_mode & S_IFMT == S_IFLNK, stat(path, &info) != 0 {
            throw fileError("cannot read the directory \(path)", errno)
        }
        guard info.st_mode & S_IFMT == S_IFDIR else { throw fileError("\(path) is in the way", ENOTDIR) }
        guard info.st_uid == getuid(), info.st_mode & 0o022 == 0 else {
            throw LocalRedisError(
                .directoryUnusable,
                "\(path) belongs to or can be written by other users; make it yours with mode 700, or set STINT_STATE_DIR"
            )
        }
    }

    private static func absolute(_ path: String) -> String {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        guard !trimmed.hasPrefix("/"), let here = getcwd(nil, 0) else { return trimmed }
        defer { free(here) }
        return String(cString: here) + "/" + trimmed
    }

    private static func homeOfUser() -> String? {
        guard let entry = getpwuid(getuid()), let home = entry.pointee.pw_dir else { return nil }
        return String(cString: home)
    }
}

/// Runs `body` under an exclusive lock between processes, and between tasks of one process. Waits without blocking the
/// thread; the kernel frees the lock when its holder dies.
func withFileLock<T>(_ path: String, within limit: Duration, _ body: () async throws -> T) async throws -> T {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw fileError("cannot write \(path)", errno) }
    defer { close(descriptor) }
    let end = ContinuousClock.now + limit
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        guard errno == EWOULDBLOCK || errno == EINTR else { throw fileError("cannot lock \(path)", errno) }
        guard ContinuousClock.now < end else {
            throw LocalRedisError(.notAnswering, "another process holds \(path) for more than \(limit)")
        }
        try await Task.sleep(for: .milliseconds(3))
    }
    return try await body()
}
