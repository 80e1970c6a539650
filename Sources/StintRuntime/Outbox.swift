import StintCore
import StintStore
import Synchronization

/// One settle on its way to Redis.
struct OutgoingSettle: Sendable {
    let lease: HeldLease
    let settle: Settle
    /// It was sent before and its answer never came: that the lease is gone may be its own doing.
    var mayHaveRun = false
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
