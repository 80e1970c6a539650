/// When leases end, during one operation. No two leases share a deadline: one ends a µs earlier for every other that ends
/// at its moment already, or does so until this operation.
struct Deadlines {
    private struct Holder: Hashable {
        let token: Token
        let consumer: ConsumerID
    }

    private var holders: [Int64: Holder] = [:]
    /// Where the last search from a moment has ended: the next one goes on there.
    private var lastUs: [Int64: Int64] = [:]

    init(of queue: QueueModel) {
        for job in queue.jobs.values {
            guard case .leased(let lease) = job.place else { continue }
            holders[lease.deadlineUs] = Holder(token: lease.token, consumer: lease.consumer)
        }
    }

    /// - Parameter latestUs: the deadline, if no other lease has it.
    mutating func draw(_ latestUs: Int64, for token: Token, _ consumer: ConsumerID) -> Int64 {
        let holder = Holder(token: token, consumer: consumer)
        var deadlineUs = lastUs[latestUs] ?? latestUs
        while let other = holders[deadlineUs], other != holder { deadlineUs -= 1 }
        holders[deadlineUs] = holder
        if deadlineUs < latestUs { lastUs[latestUs] = deadlineUs }
        return deadlineUs
    }
}
