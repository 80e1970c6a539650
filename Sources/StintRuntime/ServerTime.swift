/// Where the server's clock stands, in terms of our own: learned from calls that tell its time, the quickest of which tells
/// it best. What is due by the server's clock is then known here to a fraction of a round trip, and not a reply late.
package struct ServerTime {
    private var sample: (serverUs: Int64, at: ContinuousClock.Instant, error: Duration)?

    package init() {}

    /// - Parameters:
    ///   - serverUs: the server's clock, µs since 1970, at some moment between the two that follow.
    package mutating func note(serverUs: Int64, sentAt: ContinuousClock.Instant, receivedAt: ContinuousClock.Instant) {
        let error = (receivedAt - sentAt) / 2
        let at = sentAt.advanced(by: error)
        if let sample {
            let age = at - sample.at
            // The clocks may drift apart by one in ten thousand.
            let known = sample.error + age / 10_000
            let disagreement = instant(ofServerUs: serverUs) - at
            let isPossible = disagreement <= known + error && disagreement >= .zero - known - error
            if error > known, isPossible { return }
        }
        sample = (serverUs, at, error)
    }

    /// When the server's clock will show, or has shown, this time. Before anything is known: now.
    package func instant(ofServerUs serverUs: Int64) -> ContinuousClock.Instant {
        guard let sample else { return .now }
        return sample.at.advanced(by: .microseconds(serverUs - sample.serverUs))
    }
}
