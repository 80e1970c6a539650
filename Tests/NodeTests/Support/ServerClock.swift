import Foundation

/// The wall clock of one server, which a test can move. By a library that is preloaded into the server.
final class ServerClock: Sendable {
    private static let compiler = "/usr/bin/cc"

    /// Whether this machine can make and preload the library.
    static let isAvailable: Bool = {
        #if os(Linux)
        FileManager.default.isExecutableFile(atPath: compiler)
        #else
        false
        #endif
    }()

    private let directory: URL
    private var cell: URL { directory.appending(path: "cell") }
    private var library: URL { directory.appending(path: "clock_shim.so") }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "stint-clock-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try set(mode: 0, us: 0)
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Support/ClockShim/clock_shim.c")
        let process = Process()
        process.executableURL = URL(filePath: Self.compiler)
        process.arguments = ["-shared", "-fPIC", "-O1", "-o", library.path, source.path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// For the process of the server.
    var environment: [String: String] { ["LD_PRELOAD": library.path, "CLOCK_CELL": cell.path] }

    /// Puts the clock forward, or back, of where it would be without us.
    func shift(by duration: Duration) throws {
        try set(mode: 0, us: duration.components.seconds * 1_000_000)
    }

    /// In place: the server has mapped the file.
    private func set(mode: Int64, us: Int64) throws {
        let bytes = withUnsafeBytes(of: (mode.littleEndian, us.littleEndian)) { Data($0) }
        guard let file = FileHandle(forUpdatingAtPath: cell.path) else { return try bytes.write(to: cell) }
        try file.write(contentsOf: bytes)
        try file.close()
    }
}
