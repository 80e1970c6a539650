import Foundation
import Stint
import StintCore
import Synchronization

/// The live progress of the demo: one line that is drawn again and again on a terminal, a line every other second elsewhere.
final class DemoDisplay: Sendable {
    private let total: Int
    private let isQuiet: Bool
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let began = ContinuousClock.now
    private let lastLine = Mutex<ContinuousClock.Instant?>(nil)

    init(total: Int, isQuiet: Bool) {
        self.total = total
        self.isQuiet = isQuiet
    }

    func say(_ text: String) {
        if isQuiet { return }
        let at = String(format: "%5.1f s", (ContinuousClock.now - began).inSeconds)
        write((isTerminal ? "\r\u{1B}[K" : "") + "\(at)  \(text)\n")
    }

    func show(_ stats: QueueStats, perNode: [(name: String, jobs: Int)]) {
        if isQuiet { return }
        let isTime = lastLine.withLock { last in
            if !isTerminal, let last, last.advanced(by: .seconds(2)) > .now { return false }
            last = .now
            return true
        }
        guard isTime else { return }
        let share = Double(stats.ackedTotal) / Double(max(1, total))
        let filled = Int(share * 24)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
        let nodes = perNode.map { "\($0.name) \($0.jobs)" }.joined(separator: "  ")
        let text =
            "\(bar) \(stats.ackedTotal)/\(total)  \(nodes)  retries \(stats.nackedTotal)  lapses \(stats.lapsedTotal)"
        write(isTerminal ? "\r\u{1B}[K" + text : text + "\n")
    }

    func end() {
        if !isQuiet, isTerminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
