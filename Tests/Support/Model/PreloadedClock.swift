import Foundation
package import StintStore

/// A server whose wall clock stands at the time it is told, by a library that is preloaded into it: for the shipped scripts.
package final class PreloadedClock: TestClock {
    private static let compiler = "/usr/bin/cc"
    private let directory: URL
    private var cell: URL { directory.appending(path: "cell") }
    private var library: URL { directory.appending(path: "clock_shim.so") }

    /// - Returns: `nil` where the library cannot be made.
    package init?() throws {
        #if os(Linux)
        guard FileManager.default.isExecutableFile(atPath: Self.compiler) else { return nil }
        directory = FileManager.default.temporaryDirectory.appending(path: "stint-model-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try Data(count: 16).write(to: cell)
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../ClockShim/clock_shim.c")
        let process = Process()
        process.executableURL = URL(filePath: Self.compiler)
        process.arguments = ["-shared", "-fPIC", "-O1", "-o", library.path, source.path]
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { return nil }
        #else
        return nil
        #endif
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// For the process of the server.
    package var environment: [String: String] { ["LD_PRELOAD": library.path, "CLOCK_CELL": cell.path] }

    package var stage: ScriptStage? { nil }

    /// In place: the server has mapped the file.
    package func set(us: Int64) throws {
        let bytes = withUnsafeBytes(of: (Int64(1).littleEndian, us.littleEndian)) { Data($0) }
        let file = try FileHandle(forUpdating: cell)
        try file.write(contentsOf: bytes)
        try file.close()
    }
}
