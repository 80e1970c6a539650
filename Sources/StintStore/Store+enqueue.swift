package import NIOCore
public import StintCore
import StintLua
import StintRedis

/// A job on its way into a queue.
package struct NewJob: Sendable {
    package var id: JobID
    /// Minted for this call and never sent before: ids of finished jobs need not be looked through.
    package var isFresh: Bool
    /// This process made up the id: when a repeat finds it in the store, the job is this one.
    package var isMinted: Bool
    package var header: JobHeader
    package var payload: ByteBuffer
    package var due: Due
    /// `nil` = none. ``JobHeader/unique`` says until when the job holds it.
    package private(set) var unique: Unique?

    package init(id: JobID, isFresh: Bool, header: JobHeader, payload: ByteBuffer, due: Due = .now) {
        self.id = id
        self.isFresh = isFresh
        self.isMinted = isFresh
        self.header = header
        self.payload = payload
        self.due = due
    }

    package mutating func makeUnique(_ unique: Unique, _ span: UniqueSpan) {
        (self.unique, header.unique) = (unique, span)
    }
}

/// When a job may be claimed first.
package enum Due: Hashable, Sendable {
    case now
    /// After this time from the enqueue, by the server's clock.
    case after(Duration)
    /// At this time of the server's clock, in ms since 1970.
    case at(ms: Int64)

    var argument: String {
        switch self {
        case .now: "0"
        case .after(let delay): String(max(0, delay.wholeMs))
        case .at(let ms): "@\(ms)"
        }
    }
}

/// What became of one job of an enqueue.
public enum EnqueueOutcome: Hashable, Sendable {
    case accepted
    /// A job of this id is there already, or finished not long ago; nothing about it was changed.
    case exists(JobState)
    /// That job has the unique key, and is in this state; nothing about it was changed. `done` may also be known no more.
    case taken(by: JobID, JobState)
    /// That job, which waited in this state, has the payload, the options and the due time of the enqueue now.
    case replaced(JobID, JobState)

    /// Whether what was enqueued will run, by a new job or by the one that waited with the same unique key.
    public var isAccepted: Bool {
        switch self {
        case .accepted, .replaced: true
        case .exists, .taken: false
        }
    }
}

extension Store {
    /// Accepts jobs, each once. All or nothing reaches the server, except for ids that exist already.
    ///
    /// Repeating a call that failed `unconfirmed` is safe, when the repeat says that the ids are not fresh.
    ///
    /// - Parameter jobs: at most ``Defaults/maxJobsPerCall``.
    /// - Returns: one outcome for each job, in order.
    package func enqueue(_ jobs: [NewJob], on queue: QueueName, timeout: Duration? = nil) async throws(StintError)
        -> [EnqueueOutcome]
    {
        if jobs.isEmpty { return [] }
        let bytes = jobs.reduce(0) { $0 + $1.payload.readableBytes + 96 }
        let reply = try await callDurably(Scripts.enqueue, queue, reserving: bytes, timeout: timeout) { command in
            var index = 0
            while index < jobs.count {
                let first = jobs[index]
                var end = index + 1
                while end < jobs.count, jobs[end].isLike(first) { end += 1 }
                command.append(first.due.argument)
                command.append(first.header.priority)
                command.append(first.kind)
                command.append(end - index)
                var header = first.header, encoded = header.encoded
                for job in jobs[index..<end] {
                    if job.header != header { (header, encoded) = (job.header, job.header.encoded) }
                    command.append(job.id.rawValue)
                    command.append(encoded, then: job.payload)
                    if let unique = job.unique {
                        command.append(unique.conflict == .replace ? "replace" : "keep")
                        command.append(unique.key)
                    }
                }
                index = end
            }
        }
        guard reply.count % 2 == 1 else { throw .malformedReply("enqueue \(queue)") }
        if reply.count == 1 { return Array(repeating: .accepted, count: jobs.count) }
        return outcomes(of: jobs, reply)
    }

    private func outcomes(of jobs: [NewJob], _ reply: RedisReply) -> [EnqueueOutcome] {
        var refused: [JobID: [EnqueueOutcome]] = [:]
        for at in stride(from: 1, to: reply.count, by: 2) {
            let outcome = EnqueueOutcome(refusal: reply[at + 1].string ?? "")
            refused[JobID(unchecked: reply[at].string ?? ""), default: []].append(outcome)
        }
        // Of an id that stands twice in the call, the last ones are the refused ones.
        return jobs.reversed().map { job in refused[job.id]?.popLast() ?? .accepted }.reversed()
    }
}

extension EnqueueOutcome {
    /// Reads a state; or `taken`, or `replaced`, a state, and an id.
    ///
    /// `enqueued` = by a job of this call, which is on its way to be ready or scheduled.
    fileprivate init(refusal text: String) {
        let words = text.split(separator: " ").map(String.init)
        func state(_ index: Int) -> JobState {
            index < words.count ? JobState(rawValue: words[index]) ?? .ready : .ready
        }
        if words.count == 3, words[0] == "taken" {
            self = .taken(by: JobID(unchecked: words[2]), state(1))
        } else if words.count == 3, words[0] == "replaced" {
            self = .replaced(JobID(unchecked: words[2]), state(1))
        } else {
            self = .exists(state(0))
        }
    }
}

extension NewJob {
    /// How the script takes it: 1 = its id is new, 0 = it is looked up, 2 = so, and its header has terms to be worked out,
    /// 3 = so, and it has a unique key.
    fileprivate var kind: Int { unique != nil ? 3 : header.hasTerms ? 2 : isFresh ? 1 : 0 }

    fileprivate func isLike(_ other: NewJob) -> Bool {
        due == other.due && header.priority == other.header.priority && kind == other.kind
    }
}
