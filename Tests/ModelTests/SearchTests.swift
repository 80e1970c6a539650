import Testing
import stint_model

/// All orders of a few moves of two nodes and two jobs; `make model` goes deeper.
@Suite(.timeLimit(.minutes(5)))
struct SearchTests {
    @Test(arguments: Plan.allCases)
    func `no order of moves, crashes and losses breaks a rule, and Redis goes the same ways`(plan: Plan) async throws {
        let search = Search(plan, depth: 5)
        #expect(search.failure?.wrong == nil, "\(search.failure?.steps ?? [])")
        try await ModelRun.with(clock: ArgumentClock()) { run in
            for steps in search.traces(100, seed: .random(in: 0...UInt64.max)) {
                let wrong = try await run.replay(steps)?.wrong
                #expect(wrong == nil, "\(steps)")
                if wrong != nil { return }
            }
        }
    }
}
