import Stint
import StintCore
import StintStore

/// What a stream has achieved so far, and its display.
struct Tally {
    private static let displayInterval = Duration.milliseconds(100)

    private let showsProgress: Bool
    private let began = ContinuousClock.now
    private var accepted = 0
    private(set) var existing = 0
    /// Waiting jobs that have the payload now.
    private(set) var replaced = 0
    /// Refused because another job has the unique key.
    private(set) var taken = 0
    private(set) var hasRejected = false
    private var lastDisplay: ContinuousClock.Instant?

    init(showsProgress: Bool) { self.showsProgress = showsProgress }

    mutating func add(_ receipts: [Receipt]) {
        for receipt in receipts {
            switch receipt.outcome {
            case .accepted: accepted += 1
            case .exists: existing += 1
            case .replaced: replaced += 1
            case .taken: taken += 1
            }
            if receipt.isRejected { hasRejected = true }
        }
        let now = ContinuousClock.now
        guard showsProgress, lastDisplay.map({ now - $0 >= Self.displayInterval }) ?? true else { return }
        lastDisplay = now
        let rate = Double(accepted) / max(0.001, (now - began).inSeconds)
        Console.writeError("\r\(accepted) jobs, \(Int(rate))/s\u{1B}[K")
    }

    /// Clears the line of the display.
    mutating func endProgress() {
        if lastDisplay != nil { Console.writeError("\r\u{1B}[K") }
        lastDisplay = nil
    }

    /// `5 jobs were accepted`.
    var summary: String {
        Printable.count(accepted, "job") + (accepted == 1 ? " was accepted" : " were accepted")
            + (existing == 0 ? "" : ", \(existing) existed already")
            + (replaced == 0 ? "" : ", \(replaced) have replaced waiting ones")
            + (taken == 0 ? "" : ", \(taken) were refused because others have their unique keys")
    }

    /// A call that failed for good in the middle of a stream: what is known, and what is not.
    mutating func failure(_ error: StintError, _ count: Int) -> CommandError {
        endProgress()
        let failure = CommandError(error)!
        guard error.code == .unconfirmed else {
            return CommandError(
                failure.status, "\(failure.message) (\(summary); the next \(count) were not)", advice: failure.advice)
        }
        return CommandError(
            failure.status, "\(failure.message) (\(summary); whether the next \(count) were is not known)",
            advice: "Lines of --ndjson with an id of their own can be repeated safely; of others a second job may come."
        )
    }
}
