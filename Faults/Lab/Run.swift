import ArgumentParser
import Foundation
import StintCore

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play the rows of the fault matrix, and judge what came of them.",
        discussion: """
            Each row has a private server, processes of its own, and a time that it must end in. What this machine cannot do is \
            skipped, and counted as skipped. Exit status 1 when a row failed.
            """)

    @Argument(help: "Rows, as F3 or F3,F8. Default: all.")
    var rows: [String] = []

    @Flag(help: "The short selection, for every change.")
    var ci = false

    @Flag(help: "Print the report as one JSON object.")
    var json = false

    @Option(help: "Write the table to this file, too.")
    var markdown: String?

    @Option(help: "Draws the same schedule again.")
    var seed: UInt64 = .random(in: 1...999_999)

    @Option(help: "Keep the histories of all rows in this directory.")
    var keep: String?

    @Option(help: "Minutes that the whole run may take; rows that come later are skipped.")
    var minutes = 25

    @Flag(name: .shortAndLong, help: "Say each fault as it happens.")
    var verbose = false

    func run() async throws {
        let chosen = try chosenRows()
        var report = await Report(seed: seed)
        let runner = Runner(
            settings: .init(seed: seed, keep: keep, isVerbose: verbose, budget: .seconds(60 * minutes)))
        let began = ContinuousClock.now
        report.rows = try await interruptible {
            try await runner.run(chosen) { result in tell(Report.line(result)) }
        }
        report.seconds = (ContinuousClock.now - began).inSeconds
        say(json ? report.json : "\n" + report.markdown)
        if let markdown { try report.markdown.write(toFile: markdown, atomically: true, encoding: .utf8) }
        if !report.isGood { throw ExitCode(1) }
    }

    private func chosenRows() throws -> [Row] {
        let names = rows.flatMap { $0.split(separator: ",") }.map { $0.uppercased() }
        if names.isEmpty { return ci ? Row.all.filter(\.isShort) : Row.all }
        return try names.map { name in
            guard let row = Row.all.first(where: { $0.name == name }) else {
                throw ValidationError("There is no row \(name). `stint-faults ls` lists them.")
            }
            return row
        }
    }
}

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the rows.")

    func run() {
        for row in Row.all {
            let missing = row.needs.lazy.compactMap(\.missing).first.map { " [skipped here: \($0)]" }
            let open = row.open.map { " [open: \($0)]" }
            say(
                row.name.padding(toLength: 4, withPad: " ", startingAt: 0) + row.fault + (row.isShort ? " *" : "")
                    + (missing ?? "") + (open ?? ""))
        }
        say("\n* is part of the short selection")
    }
}

/// Runs `body` in a task that Ctrl-C and SIGTERM cancel: children, servers and namespaces go the orderly way.
func interruptible<Value: Sendable>(_ body: sending @escaping () async throws -> Value) async throws -> Value {
    let task = Task { try await body() }
    let sources = [SIGINT, SIGTERM].map { number in
        #if canImport(Darwin)
        // There a source sees only what nobody else handles. Elsewhere children would inherit it, and bear every SIGTERM.
        signal(number, SIG_IGN)
        #endif
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            tell("stopping")
            task.cancel()
        }
        source.resume()
        return source
    }
    defer { for source in sources { source.cancel() } }
    do {
        return try await task.value
    } catch is CancellationError {
        throw ExitCode(130)
    }
}
