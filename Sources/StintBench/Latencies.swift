import Histogram
import StintCore
import Synchronization

/// Times of one kind, in an HdrHistogram of nanoseconds with three digits: recording costs the same however many there are.
package struct Latencies: Sendable {
    private var histogram: Histogram<UInt64> = {
        var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000_000)
        histogram.autoResize = true
        return histogram
    }()
    /// Exact, and negative where something came before its time.
    private var leastNs = Int64.max

    package init() {}

    package var count: Int { Int(histogram.totalCount) }

    package mutating func record(ns: Int64) {
        leastNs = min(leastNs, ns)
        histogram.record(UInt64(max(0, ns)))
    }

    /// In milliseconds; not a number when nothing was recorded.
    package func percentile(_ percentile: Double) -> Double {
        count == 0 ? .nan : Double(histogram.valueAtPercentile(percentile)) / 1e6
    }

    package var summary: LatencySummary {
        LatencySummary(
            count: count, leastMs: count == 0 ? .nan : Double(leastNs) / 1e6, p50Ms: percentile(50),
            p99Ms: percentile(99), mostMs: percentile(100))
    }
}

/// What is told of ``Latencies``; also the form in which one process tells it to another.
package struct LatencySummary: Sendable, Codable {
    package let count: Int
    package let leastMs, p50Ms, p99Ms, mostMs: Double
}

/// ``Latencies`` that concurrent tasks record into.
package final class LatencyRecorder: Sendable {
    private let latencies = Mutex(Latencies())

    package init() {}

    package var summary: LatencySummary { latencies.withLock { $0.summary } }
    package var count: Int { latencies.withLock { $0.count } }

    package func record(ns: Int64) {
        latencies.withLock { $0.record(ns: ns) }
    }

    package func record(_ duration: Duration) { record(ns: duration.wholeNs) }
}

extension Duration {
    var wholeNs: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

extension [Double] {
    /// Of a handful of rounds: a histogram would round what is exact.
    package var median: Double {
        let sorted = self.sorted()
        if sorted.isEmpty { return .nan }
        return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2
    }
}
