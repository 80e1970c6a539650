import StintCore
import Testing

struct SettleTests {
    struct Oops: Error, CustomStringConvertible {
        let description = "oops"
    }

    static let policy = RetryPolicy(maxFailures: 9) { failures, random in
        .seconds(Int64(failures)) + .seconds(100) * random
    }

    private func decide(
        _ error: (any Error)?, _ cause: CancelCause?, maxFailures: Int? = nil, failures: Int = 0, lapses: Int = 0
    ) -> Settle {
        Settle.decide(
            error: error, cause: cause, header: JobHeader(type: "a", maxFailures: maxFailures),
            tries: Tries(failures: failures, lapses: lapses, lastMs: 0, reason: ""), policy: Self.policy, random: 0.5
        )
    }

    @Test(arguments: [nil, CancelCause.requested("x"), .shutdown, .timedOut(after: .seconds(5))])
    func `a handler that returns is acked, cancelled or not`(cause: CancelCause?) {
        #expect(decide(nil, cause) == .ack)
    }

    @Test func `work that ended after the lease was lost is offered once`() {
        #expect(decide(nil, .leaseLost) == .lateAck)
    }

    @Test(
        arguments: [
            Oops(), CancellationError(), JobOutcome.reject(reason: "r"), JobOutcome.retry(in: .seconds(1)),
            JobOutcome.snooze(.zero),
        ] as [any Error])
    func `whatever a cancelled handler throws, the cause of the cancel decides`(error: any Error) {
        #expect(decide(error, .leaseLost) == .nothing)
        #expect(decide(error, .requested("too late")) == .cancel(reason: "cancelled: too late"))
        #expect(decide(error, .shutdown) == .release(after: .zero))
        #expect(
            decide(error, .timedOut(after: .seconds(5)), failures: 1)
                == .retry(after: .seconds(52), maxFailures: 9, reason: "timed out after 5 s"))
    }

    @Test func `an error follows the policy, this failure counted, lapses not`() {
        #expect(decide(Oops(), nil) == .retry(after: .seconds(51), maxFailures: 9, reason: "oops"))
        #expect(
            decide(Oops(), nil, failures: 4, lapses: 2) == .retry(after: .seconds(55), maxFailures: 9, reason: "oops"))
    }

    @Test func `a job's own limit goes before the policy's`() {
        #expect(decide(Oops(), nil, maxFailures: 2) == .retry(after: .seconds(51), maxFailures: 2, reason: "oops"))
        #expect(
            decide(JobOutcome.retry(in: .seconds(3)), nil, maxFailures: 2)
                == .retry(after: .seconds(3), maxFailures: 2, reason: "the handler asked for a retry"))
    }

    @Test func `a job's own retry policy goes before the type's, whose limit stays`() {
        var header = JobHeader(type: "a")
        header.retry = .list([.seconds(1), .seconds(7)])
        func decide(_ error: any Error, failures: Int = 0) -> Settle {
            Settle.decide(
                error: error, cause: nil, header: header,
                tries: Tries(failures: failures, lapses: 3, lastMs: 0, reason: ""), policy: Self.policy, random: 0.5)
        }
        #expect(decide(Oops()) == .retry(after: .seconds(1), maxFailures: 9, reason: "oops"))
        #expect(decide(Oops(), failures: 1) == .retry(after: .seconds(7), maxFailures: 9, reason: "oops"))
        #expect(
            decide(JobOutcome.retry(in: .seconds(3), reason: "busy"))
                == .retry(after: .seconds(3), maxFailures: 9, reason: "busy"))
    }

    @Test func `a handler may set the delay, put off, or reject`() {
        #expect(
            decide(JobOutcome.retry(in: .seconds(3), reason: "busy"), nil, failures: 8)
                == .retry(after: .seconds(3), maxFailures: 9, reason: "busy"))
        #expect(decide(JobOutcome.snooze(.seconds(60)), nil) == .release(after: .seconds(60)))
        #expect(decide(JobOutcome.reject(reason: "bad address"), nil) == .reject(reason: "bad address"))
    }

    @Test func `negative delays of handlers count as none`() {
        #expect(
            decide(JobOutcome.retry(in: .seconds(-3), reason: ""), nil)
                == .retry(after: .zero, maxFailures: 9, reason: ""))
        #expect(decide(JobOutcome.snooze(.seconds(-3)), nil) == .release(after: .zero))
    }

    @Test func `a cancellation that nobody asked for is an error like any other`() {
        #expect(
            decide(CancellationError(), nil)
                == .retry(after: .seconds(51), maxFailures: 9, reason: "CancellationError()"))
    }
}
