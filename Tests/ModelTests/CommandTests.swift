import StintCore
import Testing
import stint_model

/// What a failed run prints is the code of a test.
struct CommandTests {
    @Test func `a step is printed as the code that makes it`() {
        let batch = Batch(ids: [1, 1002], due: .afterMs(-3), priority: -1, leaseMs: 7, isFresh: true)
        #expect(
            "\(Step(.enqueue([batch])))"
                == "Step(.enqueue([Batch(ids: [1, 1002], due: .afterMs(-3), priority: -1, leaseMs: 7, maxLapses: nil, startBy: nil, deadline: nil, estimateMs: nil, retryForMs: nil, isFresh: true, key: nil, span: .done, replaces: false)]))"
        )
        #expect(
            "\(Step(.nack(.jobs([4], .older), .reject, delayMs: 0, maxFailures: 2, by: 1), .replyLost))"
                == "Step(.nack(.jobs([4], .older), .reject, delayMs: 0, maxFailures: 2, by: 1), .replyLost)")
        #expect("\(Step(.purge(3, .dead)))" == "Step(.purge(3, .dead))")
        #expect("\(Step(.flushScripts))" == "Step(.flushScripts)")
        #expect("\(Step(.cancel(Array(2000..<2100))))" == "Step(.cancel(Array(2000...2099)))")
    }

    @Test func `every mutant takes away what stands once in its script`() {
        #expect(Mutant.all.filter { $0.places != 1 }.map(\.description) == [])
    }
}
