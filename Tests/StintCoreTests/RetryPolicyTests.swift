import StintCore
import Testing

struct RetryPolicyTests {
    @Test func `the exponential delay doubles until its cap`() {
        let policy = RetryPolicy.exponential(base: .seconds(2), factor: 2, cap: .seconds(20))
        let ceilings = (1...6).map { policy.delay(afterFailures: $0, random: 1) }
        #expect(ceilings == [2, 4, 8, 16, 20, 20].map { .seconds($0) })
    }

    @Test func `the jitter is full: the draw is the share of the delay`() {
        let policy = RetryPolicy.exponential(base: .seconds(8), factor: 3, cap: .seconds(3600))
        #expect(policy.delay(afterFailures: 1, random: 0) == .zero)
        #expect(policy.delay(afterFailures: 1, random: 0.25) == .seconds(2))
        #expect(policy.delay(afterFailures: 3, random: 0.5) == .seconds(36))
        for failures in 1...40 {
            let delay = policy.delay(afterFailures: failures, random: .random(in: 0..<1))
            #expect(delay >= .zero && delay <= .seconds(3600))
        }
    }

    @Test(arguments: [1, 50, 1100, 1_000_000, Int.max]) func `no number of failures overflows`(failures: Int) {
        for factor in [0.5, 1, 2, 10, 1e300, .infinity] {
            for cap in [Duration.seconds(3600), .seconds(Int64.max), .milliseconds(1)] {
                let delay = RetryPolicy.exponential(factor: factor, cap: cap).delay(
                    afterFailures: failures, random: 0.999)
                #expect(delay >= .zero && delay <= cap)
            }
        }
    }

    @Test(arguments: [1, 10, 100, 10_000]) func `a base of zero stays zero, however often the job failed`(failures: Int)
    {
        #expect(RetryPolicy.exponential(base: .zero).delay(afterFailures: failures, random: 0.9) == .zero)
    }

    @Test func `negative delays count as none`() {
        #expect(RetryPolicy.exponential(base: .seconds(-5)).delay(afterFailures: 3, random: 0.5) == .zero)
        #expect(RetryPolicy.exponential(cap: .seconds(-5)).delay(afterFailures: 3, random: 0.5) == .zero)
        #expect(RetryPolicy.fixed(.seconds(-5)).delay(afterFailures: 1, random: 0) == .zero)
        #expect(RetryPolicy { _, _ in .seconds(-1) }.delay(afterFailures: 1, random: 0) == .zero)
    }

    @Test func `a fixed delay knows neither failures nor jitter`() {
        for failures in [1, 2, 1000] {
            #expect(
                RetryPolicy.fixed(.seconds(7)).delay(afterFailures: failures, random: .random(in: 0..<1)) == .seconds(7)
            )
        }
    }

    @Test func `a list ends with its last delay, again and again`() {
        let policy = RetryPolicy.list([.seconds(1), .seconds(10)])
        #expect(
            [0, 1, 2, 3, 1_000_000].map { policy.delay(afterFailures: $0, random: 0.5) }
                == [1, 1, 10, 10, 10].map { .seconds($0) })
        #expect(RetryPolicy.list([]).delay(afterFailures: 3, random: 0.5) == .zero)
    }

    @Test func `a policy of one's own sees the failures and the draw`() {
        let policy = RetryPolicy(maxFailures: 4) { failures, random in .seconds(failures) * random }
        #expect(policy.delay(afterFailures: 6, random: 0.5) == .seconds(3))
        #expect(policy.maxFailures == 4)
    }

    @Test(arguments: [
        ("exponential:2s,1h", RetryPlan.exponential(base: .seconds(2), cap: .seconds(3600))),
        ("fixed:5s", .fixed(.seconds(5))), ("list:1s,90s,2d", .list([.seconds(1), .seconds(90), .seconds(172_800)])),
        ("fixed:0ms", .fixed(.zero)), ("list:1500ms", .list([.milliseconds(1500)])),
    ])
    func `a plan is read as people write it, and written as it is read`(text: String, plan: RetryPlan) throws {
        #expect(try RetryPlan(parsing: text) == plan)
        #expect(plan.description == text)
    }

    @Test(arguments: [
        "", "fixed", "fixed:", "fixed:5", "fixed:1s,2s", "exponential:1s", "exponential:1s,2s,3s", "list:",
        "list:1s,,2s",
        "linear:1s", "f:1s", "fixed:400d", "list:" + Array(repeating: "1s", count: 33).joined(separator: ","),
    ])
    func `what is no plan is refused with the forms that there are`(text: String) {
        let refusal = #expect(throws: StintError.self) { try RetryPlan(parsing: text) }
        #expect(refusal?.code == .invalidArgument && refusal?.advice.isEmpty == false)
    }

    @Test(arguments: [
        RetryPlan.list([]), .list(Array(repeating: .zero, count: 33)), .fixed(.seconds(-1)),
        .exponential(base: .zero, cap: .seconds(367 * 86_400)),
    ])
    func `a plan out of range is no option of a job`(plan: RetryPlan) {
        var header = JobHeader(type: "a")
        header.retry = plan
        let refusal = #expect(throws: StintError.self) { try header.validate() }
        #expect(refusal?.code == .invalidArgument)
    }

    @Test func `a plan waits as the policy of its kind does`() {
        let draws = [(1, 1.0), (3, 0.5), (40, 0.25)]
        func delays(_ policy: RetryPolicy) -> [Duration] {
            draws.map { policy.delay(afterFailures: $0.0, random: $0.1) }
        }
        #expect(
            delays(RetryPlan.exponential(base: .seconds(1), cap: .seconds(60)).policy())
                == [.seconds(1), .seconds(2), .seconds(15)])
        #expect(delays(RetryPlan.fixed(.seconds(4)).policy()) == Array(repeating: .seconds(4), count: 3))
        #expect(
            delays(RetryPlan.list([.seconds(1), .seconds(9)]).policy()) == [.seconds(1), .seconds(9), .seconds(9)])
        #expect(RetryPlan.fixed(.zero).policy(maxFailures: 3).maxFailures == 3)
    }

    @Test func `the limits of the ready-made policies`() {
        #expect(RetryPolicy.never.maxFailures == 1)
        #expect(RetryPolicy.standard.maxFailures == 20)
        #expect(RetryPolicy.fixed(.zero, maxFailures: 3).maxFailures == 3)
        #expect(RetryPolicy.list([], maxFailures: 5).maxFailures == 5)
    }
}
