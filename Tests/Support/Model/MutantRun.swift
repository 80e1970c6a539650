import StintStore

/// Lets the model test loose on every mutant.
package struct MutantRun: Sendable {
    /// Of each kind: with few jobs, and by the thousand.
    let histories: UInt64
    let seed: UInt64
    /// Only its mutants; `nil` = all.
    let file: String?
    let say: @Sendable (String) -> Void

    /// - Returns: whether every mutant was seen but those that have an excuse, and these were not.
    func run() async throws -> Bool {
        let mutants = Mutant.all.filter { file == nil || $0.file == file }
        var (killed, excused, isRight) = (0, 0, true)
        for mutant in mutants {
            guard mutant.places == 1 else {
                say("mutants: \(mutant.places) places, not 1, for \(mutant)")
                isRight = false
                continue
            }
            let how = try await kill(mutant)
            switch (how, mutant.excuse) {
            case (let how?, nil):
                killed += 1
                say("killed    \(mutant)  [\(how)]")
            case (nil, let excuse?):
                excused += 1
                say("excused   \(mutant)  (\(excuse))")
            case (nil, nil):
                isRight = false
                say("SURVIVED  \(mutant)")
            case (let how?, .some):
                killed += 1
                say("killed    \(mutant)  although it has an excuse [\(how)]")
            }
        }
        say("mutants: \(mutants.count), killed \(killed), excused \(excused), --seed \(seed)")
        return isRight
    }

    /// - Returns: what was seen; `nil` = nothing.
    private func kill(_ mutant: Mutant) async throws -> String? {
        try await ModelRun.with(clock: ArgumentClock(files: mutant.files)) { run in
            for history in 0..<histories {
                do {
                    let isLarge = history % 8 == 7
                    let (steps, failure) = try await run.history(
                        seed: seed &+ history, steps: isLarge ? 100 : 200, isLarge: isLarge, shrinks: false)
                    if failure != nil { return "history \(history), step \(steps)" }
                } catch {
                    return "history \(history): an error"
                }
            }
            return nil
        }
    }
}
