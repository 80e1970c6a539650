import Foundation

enum Locales {
    /// A directory with an English locale for a server's `LOCPATH`; nil where the C library has no tool that makes one.
    static let englishDirectory: String? = {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/localedef") else { return nil }
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "stint-locale-\(ProcessInfo.processInfo.processIdentifier)")
        try? FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/localedef")
        process.arguments = ["-c", "-i", "en_US", "-f", "UTF-8", directory.path + "/en_US.UTF-8"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        process.waitUntilExit()
        let made = FileManager.default.fileExists(atPath: directory.path + "/en_US.UTF-8/LC_COLLATE")
        return made ? directory.path : nil
    }()
}
