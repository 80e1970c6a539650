import StintCore
import StintRedis

/// Who of the other nodes has lost its connection, and for how long: a value that is fed what was seen, and says what to
/// do. It knows no server and no clock.
///
/// A session that the server does not have is gone for good. Its node may live all the same, and be about to come back
/// with a new one: it has the ``grace`` to do so.
struct Watch {
    /// How long a node may take to come back with a new session. Its first attempts come within some 100 ms.
    static let grace = Duration.seconds(1)
    /// After this node's own connection was made anew, others may have lost theirs by the same cause, and this node
    /// knows how slow the way back can be: it judges nobody.
    static let distrust = Duration.seconds(5)
    private static let mostCalls = 3
    private static let callsRenewed = Duration.seconds(60)

    /// Missed, and not yet given up.
    private(set) var suspects: [ConsumerID: RedisSession] = [:]
    /// How many there were in the register at the last look.
    var nodes = 0
    private var over: [ConsumerID: RedisSession] = [:]
    private var epoch: Int?
    private var trustAt: ContinuousClock.Instant?
    private var calls = 0
    private var callsAt: ContinuousClock.Instant?

    /// This node looks through the connection of this number.
    mutating func looks(through epoch: Int, now: ContinuousClock.Instant) {
        if let last = self.epoch, last != epoch {
            suspects = [:]
            trustAt = now.advanced(by: Self.distrust)
        }
        self.epoch = epoch
    }

    func mayJudge(_ now: ContinuousClock.Instant) -> Bool { trustAt.map { $0 <= now } ?? true }

    /// Whose connection is to be looked for, of all that are in the register: other nodes on the same life of the same
    /// server.
    func candidates(
        _ sessions: [ConsumerID: RedisSession], of me: ConsumerID, on own: RedisSession
    ) -> [ConsumerID: RedisSession] {
        sessions.filter { $0.key != me && $0.value.runID == own.runID && over[$0.key] != $0.value }
    }

    /// These were looked for, and these are connected.
    mutating func saw(_ candidates: [ConsumerID: RedisSession], connected: Set<Int64>) {
        for (consumer, session) in candidates {
            suspects[consumer] = connected.contains(session.clientID) ? nil : session
        }
        over = over.filter { suspects[$0.key] == nil }
    }

    /// The register says for how long the suspects have been missed; those that it does not mention are back, or have left.
    ///
    /// - Returns: who is gone, and when to ask again for the others.
    mutating func missed(_ ages: [ConsumerID: Duration]) -> (gone: [(ConsumerID, RedisSession)], again: Duration?) {
        suspects = suspects.filter { ages[$0.key] != nil }
        let gone = suspects.filter { ages[$0.key]! >= Self.grace }.map { ($0.key, $0.value) }
        let youngest = ages.values.filter { $0 < Self.grace }.max()
        return (gone.sorted { $0.0.description < $1.0.description }, youngest.map { Self.grace - $0 })
    }

    /// This node has done for the queues of a gone one what it may.
    mutating func finished(_ consumer: ConsumerID, _ session: RedisSession) {
        suspects[consumer] = nil
        over[consumer] = session
    }

    /// Whether to wake an idle node, so that it learns that there is something to lose: it hears of leases from its
    /// claims only.
    ///
    /// - Parameter isSeen: whether another node has looked lately.
    mutating func shouldCall(isSeen: Bool, others: Int, now: ContinuousClock.Instant) -> Bool {
        if isSeen || callsAt.map({ $0.advanced(by: Self.callsRenewed) <= now }) ?? true { (calls, callsAt) = (0, now) }
        guard !isSeen, others > 0, calls < Self.mostCalls else { return false }
        calls += 1
        return true
    }
}
