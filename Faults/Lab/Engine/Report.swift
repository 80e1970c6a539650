import FaultChecker
import Foundation

/// What a run of the laboratory has to show.
struct Report: Codable, Sendable {
    var date: String
    var commit: String
    var redis: String
    var seed: UInt64
    var cores: Int
    var seconds = 0.0
    var rows: [RowResult] = []

    init(seed: UInt64) async {
        date = Date.now.formatted(.iso8601)
        commit = await Machine.gitCommit
        self.seed = seed
        cores = ProcessInfo.processInfo.activeProcessorCount
        let words = (try? await Machine.attempt("redis-server", ["--version"]).text)?.split(separator: " ") ?? []
        redis = words.first { $0.hasPrefix("v=") }.map { String($0.dropFirst(2)) } ?? "unknown"
    }

    var isGood: Bool { !rows.contains { $0.status == .failed } }

    private func count(_ status: RowResult.Status) -> Int { rows.count { $0.status == status } }

    var summary: String {
        "\(count(.ok)) ok, \(count(.failed)) failed, \(count(.skipped)) skipped, \(count(.open)) open"
    }

    var json: String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// One line while it runs.
    static func line(_ result: RowResult) -> String {
        let head = result.row.padding(toLength: 4, withPad: " ", startingAt: 0)
        let mark = result.status == .failed ? "FAILED" : result.status.rawValue
        var parts = [head + mark.padding(toLength: 8, withPad: " ", startingAt: 0)]
        if result.status == .ok || result.status == .failed {
            let verdict = result.verdict
            parts.append(String(format: "%5.1f s", result.seconds))
            parts.append(
                """
                attempted \(verdict.attempted), acknowledged \(verdict.acknowledged), ok \(verdict.ok), lost \(verdict.lost), \
                duplicated \(verdict.duplicated) (\(verdict.unexplained) unexplained), recovered \(verdict.recovered), \
                lapsed \(verdict.lapsed), refused \(verdict.refused)
                """)
            if let seconds = verdict.recoverySeconds { parts.append(String(format: "recovery %.2f s", seconds)) }
        }
        parts.append(contentsOf: result.why.map { [$0] } ?? [])
        return ([parts.joined(separator: "  ")] + result.notes.map { "              " + $0 }).joined(separator: "\n")
    }

    var markdown: String {
        let head = """
            Redis \(redis), commit \(commit), seed \(seed), \(cores) cores, \(date), \(Int(seconds)) s: \(summary).

            | row | fault | result | attempted | acknowledged | ok | lost | duplicated | unexplained | recovered | lapsed | refused | recovery | notes |
            |---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|

            """
        return head + rows.map(Self.cells).joined(separator: "\n") + "\n"
    }

    private static func cells(_ result: RowResult) -> String {
        let verdict = result.verdict
        let wasPlayed = result.status == .ok || result.status == .failed
        let figures = [
            verdict.attempted, verdict.acknowledged, verdict.ok, verdict.lost, verdict.duplicated, verdict.unexplained,
            verdict.recovered, verdict.lapsed, verdict.refused,
        ].map { wasPlayed ? "\($0)" : "" }
        let recovery = verdict.recoverySeconds.map { String(format: "%.2f s", $0) } ?? ""
        let words = (result.why.map { [$0] } ?? []) + result.notes
        let cells =
            [result.row, result.fault, result.status.rawValue] + figures + [recovery, words.joined(separator: "; ")]
        return "| " + cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ")
            + " |"
    }
}
