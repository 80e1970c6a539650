package import StintCore

/// One thing that happens to a queue.
///
/// Jobs and nodes are numbers, tokens and times are told by what they are to the history so far: so a history stays one
/// when commands are taken out of it.
package enum Command: Hashable, Sendable {
    case enqueue([Batch])
    case claim(Int, by: Int, leaseMs: Int64)
    case ack(Pick, by: Int)
    case answer(Pick, keepMs: Int64, keep: Int, by: Int)
    case note(Pick, isProgress: Bool, by: Int)
    case trimResults(Int, keep: Int)
    case nack(Pick, QueueModel.Verdict, delayMs: Int64, maxFailures: Int, by: Int)
    case extend(Pick, leaseMs: Int64, by: Int)
    case release(Pick, delayMs: Int64, by: Int)
    /// A node whose claim got no reply looks for leases that it does not know, and releases them.
    case recover(by: Int)
    case reap(Int, maxLapses: Int)
    case promote(Int, by: Int)
    case expel(Int)
    case cancel([Int])
    case redrive([Int])
    case purge(Int, JobState)
    case trim(Int, JobState, keepMs: Int64, keep: Int)
    case pause(Bool)
    case look(by: Int)
    case takeMark
    /// Backwards, too.
    case pass(us: Int64)
    case passTo(Moment, us: Int64)
    case flushScripts
    /// SIGKILL, and a new server on the same append-only file.
    case restart
}

/// Jobs that are enqueued alike.
package struct Batch: Hashable, Sendable {
    package var ids: [Int]
    package var due: Due
    package var priority: Int
    package var leaseMs: Int64?
    package var maxLapses: Int?
    package var isFresh: Bool

    package init(
        ids: [Int], due: Due = .now, priority: Int = 0, leaseMs: Int64? = nil, maxLapses: Int? = nil,
        isFresh: Bool = false
    ) {
        self.ids = ids
        self.due = due
        self.priority = priority
        self.leaseMs = leaseMs
        self.maxLapses = maxLapses
        self.isFresh = isFresh
    }
}

package enum Due: Hashable, Sendable {
    case now
    case afterMs(Int64)
    /// An absolute time, this far from now.
    case atMs(Int64)
}

/// Which leases a node shows.
package enum Pick: Hashable, Sendable {
    case jobs([Int], Which)
    /// All that it believes to hold, at most so many; for a batch of hundreds filled up with jobs that nobody knows.
    case believed(Int)
}

package enum Which: Hashable, Sendable {
    /// The last token that this node was given for the job, the last that any node was, the one before, or one that never was.
    case own, newest, older, invented
}

package enum Moment: Hashable, Sendable {
    /// The first deadline, or due time, of the queue.
    case deadline, due
}

package enum Fate: Hashable, Sendable { case answered, replyLost, requestLost }

package struct Step: Hashable, Sendable {
    package var command: Command
    package var fate: Fate

    package init(_ command: Command, _ fate: Fate = .answered) {
        self.command = command
        self.fate = fate
    }
}

// MARK: As Swift

extension Step: CustomStringConvertible {
    /// As it stands in the code of a test.
    package var description: String {
        let text = Self.literal("\(command)")
        return fate == .answered ? "Step(.\(text))" : "Step(.\(text), \(Self.literal("\(Optional(fate) as Any)")))"
    }

    /// What Swift prints of a value, without the names of modules and types that a literal does not need.
    private static func literal(_ printed: String) -> String {
        printed.replacing(/Optional\(([^()]*(?:\([^()]*\))?)\)/) { $0.1 }
            .replacing(/[A-Za-z_]+(\.[A-Z][A-Za-z]*)+\.(?=[a-z])/) { _ in "." }
            .replacing(/stint_model\.(?=[A-Z])/) { _ in "" }
            .replacing(/\[(-?\d+)((?:, -?\d+){15,})\]/) { list in
                let numbers = list.output.0.dropFirst().dropLast().split(separator: ", ").compactMap { Int($0) }
                let isRange = zip(numbers, numbers.dropFirst()).allSatisfy { $0 + 1 == $1 }
                return isRange ? "Array(\(numbers[0])...\(numbers[numbers.count - 1]))" : String(list.output.0)
            }
    }
}
