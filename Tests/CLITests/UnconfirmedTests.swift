import StintCore
import Testing

@testable import StintCLI

struct UnconfirmedTests {
    private let error = StintError(.unconfirmed, "enqueue mail", "no answer within 10 s", advice: "Look at the server")

    @Test func `an enqueue that may have been accepted says how to repeat it`() throws {
        let failure = CommandError(unconfirmed: error, try JobID("job-1"))
        #expect(failure.status == .unavailable)
        #expect(
            "\(failure)"
                == "enqueue mail: no answer within 10 s: the job may have been accepted. "
                + "Repeat it with --id job-1: that cannot make a second one.")
    }

    @Test func `a stream that ends in doubt says what is known`() {
        var tally = Tally(showsProgress: false)
        let failure = tally.failure(error, 7)
        #expect(failure.status == .unavailable)
        #expect(failure.message.contains("0 jobs were accepted; whether the next 7 were is not known"))
        #expect(failure.advice.contains("id of their own"))
        let refused = StintError(.queueFull, "enqueue mail", "no memory")
        #expect(tally.failure(refused, 7).message.contains("the next 7 were not)"))
    }
}
