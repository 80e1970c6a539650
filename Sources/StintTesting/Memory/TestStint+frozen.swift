import Stint
import StintRuntime
import Synchronization

/// Nodes that are frozen after a run. They do not beat; what they have to say comes when they are thawed.
extension TestStint {
    struct Frozen: Sendable {
        let claimed: Claimed
        let ran: SteppedNode.Ran
        let untilUs: Int64
    }

    func freeze(_ claimed: Claimed, _ ran: SteppedNode.Ran, for duration: Duration) {
        let untilUs = store.nowUs + Int64(duration / .microseconds(1))
        state.withLock { $0.frozen.append(Frozen(claimed: claimed, ran: ran, untilUs: untilUs)) }
    }

    var nextThawUs: Int64? { state.withLock { $0.frozen.map(\.untilUs).min() } }

    func thaw() async throws -> [TestRun] {
        let nowUs = store.nowUs
        let thawed = state.withLock { state in
            let thawed = state.frozen.filter { $0.untilUs <= nowUs }
            state.frozen.removeAll { $0.untilUs <= nowUs }
            return thawed.sorted { $0.untilUs < $1.untilUs }
        }
        var runs: [TestRun] = []
        for frozen in thawed {
            let refusal = await frozen.claimed.node.settle()
            runs.append(try end(of: frozen.claimed.lease, frozen.ran, refusal))
        }
        return runs
    }
}
