import Foundation
import StintLua
import Testing

/// What the Lua compiler says of the expanded scripts.
struct LuaCompilerTests {
    static let compiler: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/luac5.1" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    static let globals: Set<Substring> = [
        "KEYS", "ARGV", "redis", "string", "math", "table", "ipairs", "tonumber", "unpack",
    ]

    @Test(.enabled(if: compiler != nil, "luac5.1 is not installed"), arguments: Scripts.all.map(\.name))
    func `a script compiles, sets no global and reads only those of Redis`(name: String) throws {
        let source = try #require(Scripts.all.first { $0.name == name }).source
        let file = FileManager.default.temporaryDirectory.appending(
            path: "stint-\(name)-\(UInt64.random(in: 0...UInt64.max)).lua")
        defer { try? FileManager.default.removeItem(at: file) }
        try source.write(to: file, atomically: true, encoding: .utf8)
        let (status, listing) = try run("-p", "-l", file.path)
        #expect(status == 0, "\(listing)")
        #expect(!listing.contains("SETGLOBAL"))
        let read = Set(listing.matches(of: /GETGLOBAL[^;]*; (\w+)/).map { $0.1 })
        #expect(read.isSubset(of: Self.globals), "\(read.subtracting(Self.globals))")
    }

    private func run(_ arguments: String...) throws -> (status: Int32, output: String) {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(filePath: try #require(Self.compiler))
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
