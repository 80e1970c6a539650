package import StintCore
package import StintStore

/// What happens in a node, for histories, progress displays and tests. Free when nobody listens.
package enum NodeEvent: Sendable {
    case started
    case claimed([ClaimedJob], from: QueueName)
    case runBegan(ClaimedJob, QueueName)
    case runEnded(ClaimedJob, QueueName, Settle)
    /// A job is about to be given back, or settled as cancelled, because its handler was never called or never ended.
    case handedBack(ClaimedJob, QueueName, Settle)
    /// The store has accepted a settle.
    case settled(ClaimedJob, QueueName, Settle)
    /// The store has refused a settle or an extension: the lease is another's, or gone.
    case refused(ClaimedJob, QueueName, Settle, Refusal)
    /// A settle could not reach Redis before its lease was over: left to the reaper.
    case abandoned(ClaimedJob, QueueName, Settle)
    /// A handler did not return after its cancellation: its job is settled, its slot replaced. What it ends with at last
    /// comes as a `runEnded` with nothing to settle.
    case handlerAbandoned(ClaimedJob, QueueName, Settle)
    case leaseLost(ClaimedJob, QueueName)
    case lapsed(Lapse, QueueName)
    case recovered(Int, QueueName)
    /// The connection of a node was gone, and this node has given back what that one held.
    case gone(ConsumerID, leases: Int)
    case stopping
    case stopped
}

package typealias NodeObserver = @Sendable (NodeEvent) -> Void
