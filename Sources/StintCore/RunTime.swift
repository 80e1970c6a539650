/// How long runs of a type have taken together.
package struct RunTime: Hashable, Sendable {
    package static let maxRuns = 1_000_000
    package static let maxUs: Int64 = 1 << 49
    /// Of so many types of a queue is remembered how long they take.
    package static let maxTypes = 1000

    package let type: JobType
    package private(set) var runs: Int
    package private(set) var us: Int64

    package init(_ type: JobType, runs: Int = 0, us: Int64 = 0) {
        self.type = type
        self.runs = runs
        self.us = us
    }

    /// Takes a run in, unless there are as many already as one call may tell of.
    package mutating func add(_ duration: Duration) {
        let sample = max(0, duration.wholeNanoseconds / 1000)
        guard runs < Self.maxRuns, sample <= Self.maxUs - us else { return }
        runs += 1
        us += sample
    }
}
