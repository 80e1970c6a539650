import NIOCore
import StintCore
import StintStore
import Synchronization

/// One settle on its way to Redis.
struct OutgoingSettle: Sendable {
    let lease: HeldLease
    let settle: Settle
    /// It was sent before and its answer never came: that the lease is gone may be its own doing.
    var mayHaveRun = false

    /// What it carries, beside the id.
    var resultBytes: Int { lease.job.header.keepResult == nil ? 0 : lease.result.readableBytes }
}

/// How settles that have gathered are cut into calls.
package enum SettleBatch {
    private static let maxResultBytes = 4 << 20

    /// 1,000 jobs at most in a call, and as many as have 4 MiB of results together, at least one.
    package static func calls(resultBytes: [Int]) -> [Range<Int>] {
        var (calls, start, bytes): ([Range<Int>], Int, Int) = ([], 0, 0)
        for (index, size) in resultBytes.enumerated() {
            if index > start, index - start == Defaults.maxJobsPerCall || bytes + size > maxResultBytes {
                calls.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        return calls + [start..<resultBytes.count]
    }
}

/// Where settles gather while the ones before them are under way: a lone one goes at once, many go together.
final class Outbox: Sendable {
    private let waiting = Mutex<[OutgoingSettle]>([])
    private let arrived: Signal

    init(arrived: Signal) {
        self.arrived = arrived
    }

    func add(_ settle: OutgoingSettle) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(settle)
            return waiting.count == 1
        }
        if isFirst { arrived.raise() }
    }

    func takeAll() -> [OutgoingSettle] {
        waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }

    var isEmpty: Bool { waiting.withLock { $0.isEmpty } }
}
