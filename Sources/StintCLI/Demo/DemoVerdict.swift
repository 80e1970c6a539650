import Crypto
import Foundation
import Stint
import StintCore
import StintStore

/// Whether the cluster did what it promises, from the results, the histories and the store.
struct DemoVerdict: Encodable {
    let jobs: Int
    let lost: Int
    let wrongHashes: Int
    let retries: Int
    let lapses: Int
    /// Runs that came to their end although they were not the only ones of their jobs to do so.
    let duplicates: Int
    /// Runs that nothing explains: no lapse, no failure, no release ended the run before.
    let unexplained: [String]
    let lateSettles: Int
    let lateRefused: Int
    /// Jobs whose first attempt was to fail, and those of them of which neither that failure nor a lapse in its place is known.
    let failuresOnPurpose: Int
    let failuresMissed: Int
    let seconds: Double
    let jobsPerSecond: Double
    let recoverySeconds: Double

    init(jobs: [DemoFiles.Entry], cluster: DemoCluster, story: DemoStory.Outcome, elapsed: Duration, stats: QueueStats)
        throws
    {
        let names = ["node-1", "node-2", "node-3"]
        let history = DemoHistory(names.map(cluster.history(of:)))
        let results = Dictionary(grouping: names.flatMap { DemoResult.read(cluster.results(of: $0)) }, by: \.job)
        var lost = 0, wrong = 0, duplicates = 0
        for entry in jobs {
            let hashes = results[entry.job.id.rawValue] ?? []
            if hashes.isEmpty { lost += 1 }
            duplicates += max(0, hashes.count - 1)
            let expected = try Self.sha256(of: entry.path)
            wrong += hashes.filter { $0.hash != expected }.count
        }
        self.jobs = jobs.count
        self.lost = lost + max(0, jobs.count - stats.ackedTotal)
        self.wrongHashes = wrong
        self.duplicates = duplicates
        self.retries = stats.nackedTotal
        self.lapses = stats.lapsedTotal
        self.unexplained = Self.unexplainedRuns(history, results)
        self.lateSettles = story.lateSettles
        self.lateRefused = story.lateRefused
        let flaky = jobs.filter(\.isFlaky).map(\.job.id.rawValue)
        let upset = Set(history.events.filter { $0.event == "lapsed" || $0.settle == "retry" }.compactMap(\.job))
        self.failuresOnPurpose = flaky.count
        self.failuresMissed = flaky.count { !upset.contains($0) }
        self.seconds = elapsed.inSeconds
        self.jobsPerSecond = Double(jobs.count) / elapsed.inSeconds
        self.recoverySeconds = Self.recovery(history, story)
    }

    var isGood: Bool {
        lost == 0 && wrongHashes == 0 && unexplained.isEmpty && lateSettles > 0 && lateRefused == lateSettles
            && lapses > 0
            && failuresMissed == 0
    }

    /// Of each job the runs in the order of their tokens: what ended every run but the last?
    private static func unexplainedRuns(_ history: DemoHistory, _ results: [String: [DemoResult]]) -> [String] {
        var runs: [String: Set<Int64>] = [:]
        var ended: Set<String> = []
        for event in history.events {
            guard let job = event.job else { continue }
            switch event.event {
            case "run_began": if let token = event.token { runs[job, default: []].insert(token) }
            case "lapsed": if let token = event.lost_token { ended.insert("\(job) \(token)") }
            case "settled":
                if let token = event.token, ["retry", "release"].contains(event.settle) {
                    ended.insert("\(job) \(token)")
                }
            default: break
            }
        }
        for (job, found) in results { runs[job, default: []].formUnion(found.map(\.token)) }
        return runs.flatMap { job, tokens in
            tokens.sorted().dropLast().filter { !ended.contains("\(job) \($0)") }.map { "\(job) run \($0)" }
        }
    }

    /// From the kill until the last job of the killed node ran elsewhere.
    private static func recovery(_ history: DemoHistory, _ story: DemoStory.Outcome) -> Double {
        let began = history.of("run_began").filter { $0.at_ms > story.killedMs }
        let reruns = story.orphans.compactMap { orphan in
            began.filter { $0.job == orphan.id.rawValue && $0.token != orphan.token.rawValue }.map(\.at_ms).min()
        }
        return Double((reruns.max() ?? story.killedMs) - story.killedMs) / 1000
    }

    private static func sha256(of path: String) throws -> String {
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        return SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
    }

    var json: String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    var text: String {
        func line(_ isRight: Bool, _ text: String) -> String { (isRight ? "  ok      " : "  FAILED  ") + text }
        let lines = [
            line(lost == 0, "\(jobs - lost) of \(jobs) files hashed, \(lost) lost"),
            line(wrongHashes == 0, "every hash equals the one computed directly, \(wrongHashes) differ"),
            line(failuresMissed == 0, "\(failuresOnPurpose) jobs were told to fail at first, \(retries) retries"),
            line(lapses > 0, "\(lapses) leases ran out: those of the killed and of the frozen node"),
            line(
                unexplained.isEmpty,
                "\(duplicates) files were hashed more than once, each explained by the lapse that caused it"),
            line(
                lateSettles > 0 && lateRefused == lateSettles,
                "\(lateRefused) of \(lateSettles) late settles of the zombie refused"),
        ]
        let first = unexplained.prefix(5).map { "            unexplained: \($0)" }
        return
            (lines + first + [
                "",
                String(
                    format: "  %.1f s, %.0f jobs/s; %.2f s from the kill until the last of its jobs ran elsewhere",
                    seconds, jobsPerSecond, recoverySeconds),
                "",
                isGood
                    ? "  Nothing was lost, and nobody who was too late changed anything."
                    : "  Something is not as promised.",
                "  Where to go next: `stint work mail --echo` in one terminal, `stint enqueue mail hello` in another; README.md.",
            ]).joined(separator: "\n")
    }
}
