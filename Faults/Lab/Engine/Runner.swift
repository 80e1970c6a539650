import FaultChecker
import Foundation
import StintCore
import Synchronization

/// Plays rows, one after the other.
struct Runner {
    struct Settings: Sendable {
        var seed: UInt64
        /// Where the histories go; `nil` = nowhere.
        var keep: String?
        var isVerbose = false
        /// What is not played by then is skipped.
        var budget: Duration
    }

    let settings: Settings

    func run(_ rows: [Row], told: (RowResult) -> Void) async throws -> [RowResult] {
        let end = ContinuousClock.now.advanced(by: settings.budget)
        var results: [RowResult] = []
        for row in rows {
            try Task.checkCancellation()
            let result =
                ContinuousClock.now < end
                ? await play(row) : RowResult(row, .skipped, "the time of the whole run, \(settings.budget), is over")
            try Task.checkCancellation()
            results.append(result)
            told(result)
        }
        return results
    }

    private func play(_ row: Row) async -> RowResult {
        if let open = row.open { return RowResult(row, .open, open) }
        if let missing = row.needs.lazy.compactMap(\.missing).first { return RowResult(row, .skipped, missing) }
        let began = ContinuousClock.now
        var result: RowResult
        do {
            // Other rows draw other numbers from the same seed.
            let lab = try Lab(row.name, seed: settings.seed &+ UInt64(row.number), isVerbose: settings.isVerbose)
            result = await judge(row, lab)
            let keep = settings.keep
            // Not of this task: a cancelled one could not wait for the ends that it brings about.
            await Task { await lab.end(keepingIn: keep) }.value
        } catch {
            result = RowResult(row, .failed, "\(error)")
        }
        result.seconds = (ContinuousClock.now - began).inSeconds
        return result
    }

    private func judge(_ row: Row, _ lab: Lab) async -> RowResult {
        var result: RowResult
        do {
            let verdict = try await within(row.budget) {
                let promise = try await row.play(lab)
                return Checker.judge(try await lab.evidence(), promise)
            }
            result = RowResult(row, verdict.isGood ? .ok : .failed, verdict.violations.first?.description)
            result.verdict = verdict
        } catch let skip as Skip {
            result = RowResult(row, .skipped, skip.why)
        } catch let open as Open {
            result = RowResult(row, .open, open.why)
        } catch {
            result = RowResult(row, .failed, "\(error)")
        }
        let (notes, accusations) = lab.state.withLock { ($0.notes, $0.accusations) }
        result.notes = notes
        if result.status == .ok, let first = accusations.first { (result.status, result.why) = (.failed, first) }
        return result
    }

    private func within<Value: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: limit)
                throw Broken("no end after \(limit)")
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }
}
