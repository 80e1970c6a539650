package import StintCore

/// One thing that happens to a queue.
///
/// Jobs and nodes are numbers, tokens and times are told by what they are to the history so far: so a history stays one
/// when commands are taken out of it.
package enum Command: Hashable, Sendable {
    case enqueue([Batch])
    case claim(Int, by: Int, leaseMs: Int64)
    /// Only jobs of the usual type, from a rank on.
    case claimUsual(Int, by: Int, leaseMs: Int64, from: Int)
    case ack(Pick, by: Int)
    case answer(Pick, keepMs: Int64, keep: Int, by: Int)
    case note(Pick, isProgress: Bool, by: Int)
    case trimResults(Int, keep: Int)
    case nack(Pick, QueueModel.Verdict, delayMs: Int64, maxFailures: Int, by: Int)
    case extend(Pick, leaseMs: Int64, by: Int)
    case release(Pick, delayMs: Int64, by: Int)
    /// What a step of a job has come to, read or noted: a value of so many bytes.
    case once(Int, Which, step: Int, size: Int?, by: Int)
    /// A node whose claim got no reply looks for leases that it does not know, and releases them.
    case recover(by: Int)
    case reap(Int, maxLapses: Int)
    case promote(Int, by: Int)
    case expel(Int)
    case cancel([Int])
    case redrive([Int])
    case change([Int], priority: Int?, due: Due?)
    /// And all steps of the re-scoring.
    case setOrder(Order)
    /// How long so many runs of the usual type, or of the other one, have taken.
    case learn(isUsual: Bool, runs: Int, us: Int64)
    case edit([Int], Int)
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
    package var startBy: Due?
    package var deadline: Due?
    package var estimateMs: Int64?
    /// The window for retries, from the enqueue.
    package var retryForMs: Int64?
    package var isFresh: Bool
    /// The unique key of each of them.
    package var key: Int?
    package var span: Span
    package var replaces: Bool

    package init(
        ids: [Int], due: Due = .now, priority: Int = 0, leaseMs: Int64? = nil, maxLapses: Int? = nil,
        startBy: Due? = nil, deadline: Due? = nil, estimateMs: Int64? = nil, retryForMs: Int64? = nil,
        isFresh: Bool = false, key: Int? = nil, span: Span = .done, replaces: Bool = false
    ) {
        self.ids = ids
        self.due = due
        self.priority = priority
        self.leaseMs = leaseMs
        self.maxLapses = maxLapses
        self.startBy = startBy
        self.deadline = deadline
        self.estimateMs = estimateMs
        self.retryForMs = retryForMs
        self.isFresh = isFresh
        self.key = key
        self.span = span
        self.replaces = replaces
    }
}

/// Until when a unique key is held.
package enum Span: Hashable, Sendable { case done, started, ms(Int64) }

package enum Due: Hashable, Sendable {
    case now
    case afterMs(Int64)
    /// An absolute time, this far from now.
    case atMs(Int64)
}

package enum Order: Hashable, Sendable {
    case priority, fifo, lifo, random, deadline, shortest
    case aged(ms: Int64)

    var order: QueueOrder {
        switch self {
        case .priority: .priority
        case .fifo: .fifo
        case .lifo: .lifo
        case .random: .random
        case .deadline: .deadline
        case .shortest: .shortest
        case .aged(let ms): .aged(.milliseconds(ms))
        }
    }
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
