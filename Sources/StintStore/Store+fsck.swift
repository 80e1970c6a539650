package import StintCore
import StintLua
import StintRedis

/// Something in a queue that no whole script leaves behind, and what mending does about it.
package enum FsckProblem: String, CaseIterable, Sendable {
    /// A record in no index. It is made ready.
    case lost
    /// What is left of a job that is done. It is removed.
    case leftover
    /// In more than one index. It stays in the one that is the safest: nothing is lost, a run may be repeated.
    case twice
    /// In an index and without a record. It is buried; a cancelled one is forgotten.
    case empty
    /// Leased by nobody. Its lease ends now.
    case unheld
    /// A due time, a deadline or an order that is none. Now is taken.
    case score
    /// A holder without a job. It is removed.
    case unused
    /// Something about a job that is not there, or a unique key that none holds. It is removed.
    case stray
    /// A living job without the unique key that it was enqueued with. It has it again, or does without when another has it.
    case keyless
    /// A lease with a token above the last one of the queue. The last one is raised.
    case token
}

/// What one step of a check has seen.
package struct FsckStep: Sendable {
    package struct Finding: Hashable, Sendable {
        package let problem: FsckProblem
        /// A job; a deadline where the problem is a lease, a key where it is one.
        package let id: String
    }

    /// `nil` = the part has been walked to its end.
    package let next: String?
    package let looked: Int
    package let recordBytes: Int
    package let findings: [Finding]
}

extension Store {
    /// The parts of a queue that are walked, in this order: what one leaves behind, a later one finds.
    package static let fsckParts = [
        "jobs", "ready", "scheduled", "leased", "dead", "cancelled", "leases", "tries", "history", "cancels", "places",
        "effects", "progress", "checkpoints", "unique_of", "unique",
    ]

    /// Compares some of a queue's indexes with its records.
    ///
    /// - Parameters:
    ///   - part: one of ``fsckParts``.
    ///   - cursor: where the step before has stopped; `"0"` at first.
    ///   - mends: whether to mend what is found.
    package func fsck(
        _ limit: Int, of part: String, from cursor: String, on queue: QueueName, mends: Bool
    ) async throws(StintError) -> FsckStep {
        let reply = try await call(Scripts.fsck, queue) { command in
            command.append(part)
            command.append(cursor)
            command.append(limit)
            command.append(mends ? 1 : 0)
        }
        guard reply.count >= 3, let next = reply[0].string, let looked = reply[1].integer,
            let bytes = reply[2].integer
        else { throw .malformedReply("fsck \(queue)") }
        let findings = try stride(from: 3, to: reply.count - 1, by: 2).map { at throws(StintError) in
            guard let problem = reply[at].string.flatMap(FsckProblem.init(rawValue:)) else {
                throw .malformedReply("fsck \(queue)")
            }
            return FsckStep.Finding(problem: problem, id: reply[at + 1].string ?? "")
        }
        return FsckStep(
            next: next == "0" ? nil : next, looked: Int(looked), recordBytes: Int(bytes), findings: findings)
    }

    /// The run of the server in which a queue was checked last, or used first. `nil` = it was never used by a node.
    package func checkedRun(of queue: QueueName) async throws(StintError) -> String? {
        var command = RedisCommand("HGET")
        command.append(contentsOf: [keys.meta(queue), "checked"])
        return try await send(command, "look up the last check of \(queue)").string
    }

    package func noteChecked(_ queue: QueueName, in runID: String) async throws(StintError) {
        var command = RedisCommand("HSET")
        command.append(contentsOf: [keys.meta(queue), "checked", runID])
        _ = try await send(command, "note the check of \(queue)")
    }
}
