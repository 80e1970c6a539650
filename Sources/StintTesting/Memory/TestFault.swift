public import Stint
import StintCore
import Synchronization

/// What goes wrong with the node that runs a job. Each leads to a second run of the job: handlers have to bear it.
public enum TestFault: Hashable, Sendable {
    /// The process dies after its claim, before the handler is called.
    case diesBeforeRun
    /// The handler runs to its end, and the process dies before it could say so.
    case diesAfterRun
    /// The handler runs to its end, and then the process is frozen for this long: its settle comes late. It is accepted unless
    /// the lease has run out meanwhile.
    case freezesAfterRun(Duration)
    /// The heartbeats of this run do not get through: when the clock is advanced while the handler runs, the node cancels it at
    /// its local deadline, a tenth of the lease and at most 2 s before its end, and ``JobContext/assertHeld()`` throws from then on. Cancels of
    /// the job are not heard either. What the handler returns is said once, as after an outage.
    case losesHeartbeats
}

struct PlannedFault: Sendable {
    let type: JobType
    let fault: TestFault
    var runs: Int
}

extension TestStint {
    /// Has something go wrong with the next runs of a type of job. The lease runs out when the test advances the clock by it;
    /// then the job is ready again. (In a cluster others notice the lost connection of a process that died after about two
    /// seconds.)
    ///
    /// - Parameter runs: how many. Default 1. Faults of one type happen in the order of these calls.
    public func inject<J: JobPayload>(_ fault: TestFault, into type: J.Type, runs: Int = 1) throws(StintError) {
        try inject(fault, intoType: JobType(J.type), runs: runs)
    }

    /// The same for jobs that are no ``JobPayload``.
    public func inject(_ fault: TestFault, intoType type: JobType, runs: Int = 1) throws(StintError) {
        if runs < 1 { throw .invalidArgument("inject", "\(runs) runs", advice: "It is 1 or more.") }
        state.withLock { $0.faults.append(PlannedFault(type: type, fault: fault, runs: runs)) }
    }

    /// Kills the node whose handler calls this, from within: for a fake of a service that the handler uses. The error ends the
    /// handler; whatever becomes of it, nothing is settled, and the job runs again when its lease is over.
    ///
    /// - Throws: always: ``NodeDied``, or ``StintError`` with code `invalidArgument` when no handler of a drain is running here.
    public static func die() throws -> Never {
        guard let life = NodeLife.current else {
            throw StintError.invalidArgument(
                "die", "called outside of a handler", advice: "Call it in a task that a handler of drain() waits for.")
        }
        life.end()
        throw NodeDied()
    }

    func takeFault(for type: JobType) -> TestFault? {
        state.withLock { state in
            guard let index = state.faults.firstIndex(where: { $0.type == type }) else { return nil }
            state.faults[index].runs -= 1
            let fault = state.faults[index].fault
            if state.faults[index].runs == 0 { state.faults.remove(at: index) }
            return fault
        }
    }
}

/// Ends a handler whose node has died, see ``TestStint/die()``.
public struct NodeDied: Error, Sendable, CustomStringConvertible {
    public var description: String { "the node died" }
}

/// Of the node that runs the present task.
final class NodeLife: Sendable {
    @TaskLocal static var current: NodeLife?
    private let over = Atomic(false)

    var isOver: Bool { over.load(ordering: .acquiring) }
    func end() { over.store(true, ordering: .releasing) }
}
