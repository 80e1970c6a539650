import Testing
import stint_model

/// All orders of a few moves of two nodes and two jobs; `make model` goes deeper.
@Suite(.timeLimit(.minutes(5)))
struct SearchTests {
    @Test func `no order of moves, crashes and losses breaks a rule, and Redis goes the same ways`() async throws {
        let search = Search(depth: 5)
        #expect(search.failure?.wrong == nil, "\(search.failure?.steps ?? [])")
        try await ModelRun.with(clock: ArgumentClock()) { run in
            for steps in search.traces(200, seed: .random(in: 0...UInt64.max)) {
                let wrong = try await run.replay(steps)?.wrong
                #expect(wrong == nil, "\(steps)")
                if wrong != nil { return }
            }
        }
    }
}
