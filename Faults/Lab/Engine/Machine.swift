import Foundation
import Subprocess

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// What this machine can do to itself.
enum Machine {
    enum Need: Sendable {
        /// Network namespaces with a firewall of their own.
        case namespaces
        /// File systems of a limited size.
        case mounts
        /// Libraries that are compiled here and preloaded into a server.
        case preload

        /// Why it is not to be had; `nil` = it is.
        var missing: String? {
            switch self {
            case .namespaces:
                if !isRoot { "network namespaces take root" } else { lacking("ip", "iptables") }
            case .mounts: isRoot ? lacking("mount", "umount") : "mounting a file system takes root"
            case .preload: isLinux ? lacking("cc") : "LD_PRELOAD is Linux's"
            }
        }

        private var isRoot: Bool { geteuid() == 0 && isLinux }

        private var isLinux: Bool {
            #if os(Linux)
            true
            #else
            false
            #endif
        }

        private func lacking(_ programs: String...) -> String? {
            let missing = programs.filter { Machine.path(of: $0) == nil }
            return missing.isEmpty ? nil : missing.joined(separator: " and ") + " not found"
        }
    }

    static func path(of program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        return directories.map { $0 + "/" + program }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    ///
    /// - Returns: what it said, on either channel.
    @discardableResult
    static func run(_ program: String, _ arguments: String...) async throws -> String {
        let (text, isGood) = try await attempt(program, arguments)
        if !isGood { throw Broken("\(program) \(arguments.joined(separator: " ")): \(text)") }
        return text
    }

    static func attempt(_ program: String, _ arguments: [String]) async throws -> (text: String, isGood: Bool) {
        guard let path = program.hasPrefix("/") ? program : path(of: program) else {
            throw Skip("\(program) is not installed")
        }
        let result = try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(arguments), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        let text = result.standardOutput + result.standardError
        return (text.trimmingCharacters(in: .whitespacesAndNewlines), result.terminationStatus.isSuccess)
    }

    /// The files of this repository that are compiled on the spot.
    static func source(_ path: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../" + path).standardized.path
    }

    /// Compiles a C file into a library that can be preloaded.
    static func library(_ source: String, in directory: String) async throws -> String {
        let name = URL(filePath: source).deletingPathExtension().lastPathComponent
        let library = "\(directory)/\(name).so"
        try await run("cc", "-shared", "-fPIC", "-O1", "-o", library, self.source(source))
        return library
    }

    static var gitCommit: String {
        get async {
            let directory = URL(filePath: source("Package.swift")).deletingLastPathComponent().path
            let answer = try? await attempt("git", ["-C", directory, "rev-parse", "--short", "HEAD"])
            return answer.flatMap { $0.isGood ? $0.text : nil } ?? "unknown"
        }
    }
}
