#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The text of an `errno` value.
func errnoText(_ number: Int32) -> String {
    String(cString: strerror(number))
}

/// The value of an environment variable; an empty one counts as unset.
func environmentValue(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}

/// Calls `body` with the address of a Unix socket at `path`.
/// Throws when the path is too long for the address: `StateDirectory.socketPath(in:)` never gives such a path.
func withUnixAddress<T>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> T
) throws -> T {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < capacity else {
        throw LocalRedisError(.system, "the socket path \(path) is longer than \(capacity - 1) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return try withUnsafePointer(to: &address) { pointer in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}

/// A stream socket that children do not inherit.
func makeStreamSocket(_ family: Int32) throws -> Int32 {
    #if canImport(Glibc)
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    #else
    let descriptor = socket(family, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else {
        throw LocalRedisError(.system, "cannot make a socket: \(errnoText(errno))")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
}

/// A TCP port of the loopback interface that was free a moment ago. Another process may take it before it is used, so
/// the caller must be ready to try again.
func unusedLoopbackPort() throws -> Int {
    let descriptor = try makeStreamSocket(AF_INET)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0
        }
    }
    guard !failed else { throw LocalRedisError(.system, "cannot find a free port: \(errnoText(errno))") }
    return Int(UInt16(bigEndian: address.sin_port))
}

/// The whole file as text, or nil when it cannot be read.
func readText(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes.append(contentsOf: chunk[..<count])
    }
}

/// Writes a file of mode 0600, replacing what was there.
func writeText(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw fileError("cannot write \(path)", errno) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw fileError("cannot write \(path)", errno) }
        rest = rest.dropFirst(count)
    }
}

/// The error for a file operation that failed with `number`.
func fileError(_ what: String, _ number: Int32) -> LocalRedisError {
    switch number {
    case ENOSPC, EDQUOT:
        LocalRedisError(
            .diskFull, "\(what): \(errnoText(number)). Free some space, or set STINT_STATE_DIR to another disk")
    default:
        LocalRedisError(
            .directoryUnusable,
            "\(what): \(errnoText(number)). Set STINT_STATE_DIR to a directory that you can write")
    }
}

/// The working directory of a live process; nil for a zombie, a process of another user, or none at all.
func workingDirectory(of pid: pid_t) -> String? {
    #if canImport(Darwin)
    var info = proc_vnodepathinfo()
    let size = Int32(MemoryLayout<proc_vnodepathinfo>.size)
    guard proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, &info, size) == size else { return nil }
    return withUnsafeBytes(of: info.pvi_cdir.vip_path) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    #else
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/\(pid)/cwd", &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    #endif
}

/// The path without symbolic links, or the path itself when it does not exist.
func realPath(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
}

/// `kill(2)`, for types that have a method of that name.
func systemKill(_ pid: pid_t, _ number: Int32) -> Int32 { kill(pid, number) }

/// Removes a directory and all that is in it; what cannot be removed stays.
func removeDirectory(_ path: String) {
    guard let listing = opendir(path) else { return }
    while let entry = readdir(listing) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard name != "." && name != ".." else { continue }
        if unlink("\(path)/\(name)") != 0 { removeDirectory("\(path)/\(name)") }
    }
    closedir(listing)
    rmdir(path)
}
