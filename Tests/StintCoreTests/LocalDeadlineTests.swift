import StintCore
import Testing

struct LocalDeadlineTests {
    static let sentAt = ContinuousClock.now

    @Test(
        arguments: [
            (100, 50), (500, 50), (501, 50.1), (1000, 100), (10_000, 1000), (20_000, 2000), (20_001, 2000),
            (604_800_000, 2000),
        ] as [(Int, Double)])
    func `the margin is a tenth, from 50 ms to 2 s`(leaseMs: Int, marginMs: Double) {
        #expect(LocalDeadline.margin(lease: .milliseconds(leaseMs)) == .microseconds(Int64(marginMs * 1000)))
    }

    @Test(arguments: [1, 50, 100, 333, 1000, 30_000, 604_800_000]) func `a node stops before the server does`(
        leaseMs: Int
    ) {
        let lease = Duration.milliseconds(leaseMs)
        #expect(LocalDeadline.of(lease: lease, sentAt: Self.sentAt) <= Self.sentAt + lease - .milliseconds(50))
    }

    @Test(arguments: [100, 1000, 30_000]) func `a lease that may be asked for leaves time to work`(leaseMs: Int) {
        #expect(LocalDeadline.of(lease: .milliseconds(leaseMs), sentAt: Self.sentAt) > Self.sentAt)
    }
}

struct ClockJumpGuardTests {
    static let start = ContinuousClock.now
    static let startMs: Int64 = 1_790_000_000_000

    /// What a guard says of the last of some readings (server ms, seconds here), counted from the start.
    private func lastVerdict(_ readings: [(serverMs: Int64, seconds: Double)]) -> Bool {
        var clockGuard = ClockJumpGuard()
        var verdict = false
        for reading in readings {
            verdict = clockGuard.jumped(
                serverMs: Self.startMs + reading.serverMs, at: Self.start + .seconds(reading.seconds))
        }
        return verdict
    }

    @Test func `the first reading is no jump`() {
        #expect(!lastVerdict([(3_600_000, 0)]))
    }

    @Test func `a clock that goes as ours does not jump, even when it is fast or late`() {
        #expect(!lastVerdict([(0, 0), (10_000, 10)]))
        #expect(!lastVerdict([(0, 0), (25_000, 10)]))
        #expect(!lastVerdict([(0, 0), (0, 10)]))
    }

    @Test func `more than twice our time and five seconds is a jump`() {
        #expect(lastVerdict([(0, 0), (25_001, 10)]))
        #expect(lastVerdict([(0, 0), (5001, 0)]))
        #expect(lastVerdict([(0, 0), (3_600_000, 1)]))
    }

    @Test func `a jump is reported once`() {
        #expect(!lastVerdict([(0, 0), (3_600_000, 1), (3_601_000, 2)]))
    }

    @Test func `a clock that goes back is no jump, and coming back from there is one`() {
        #expect(!lastVerdict([(0, 0), (-3_600_000, 1)]))
        #expect(lastVerdict([(0, 0), (-3_600_000, 1), (0, 2)]))
    }
}
