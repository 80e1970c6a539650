package import StintCore
import StintLua
import StintRedis

/// A job and the token under which one holds it.
package struct Held: Hashable, Sendable {
    package let id: JobID
    package let token: Token

    package init(id: JobID, token: Token) {
        self.id = id
        self.token = token
    }
}

/// Why a settle or an extension changed nothing.
public enum Refusal: Sendable, Hashable {
    /// The lease is gone: settled already. To who repeats a settle whose reply was lost, this is success.
    case gone
    /// Another holds the lease now.
    case stale

    init(code: Int64?) {
        self = code == 0 ? .gone : .stale
    }
}

/// What became of a batch of acks or releases.
package struct Settlement: Sendable {
    package var accepted: Int
    package var refused: [(id: JobID, refusal: Refusal)]

    package init(accepted: Int, refused: [(id: JobID, refusal: Refusal)]) {
        self.accepted = accepted
        self.refused = refused
    }
}

/// A failed run on its way to the store.
package struct Nack: Sendable {
    package enum Verdict: String, Sendable {
        case retry, reject, cancel
    }

    package let held: Held
    package let verdict: Verdict
    package let delay: Duration
    package let maxFailures: Int
    package let reason: String

    package init(_ held: Held, _ verdict: Verdict, delay: Duration = .zero, maxFailures: Int, reason: String) {
        self.held = held
        self.verdict = verdict
        self.delay = delay
        self.maxFailures = maxFailures
        self.reason = reason
    }
}

/// What became of a job that was settled as failed.
public enum NackOutcome: Sendable, Hashable {
    /// It will be tried again.
    case retried
    case dead
    /// Somebody had wanted it cancelled.
    case cancelled
    /// Nothing was changed.
    case refused(Refusal)
}

/// What a heartbeat learned.
package struct Extension: Sendable {
    package var refused: [(id: JobID, refusal: Refusal)]
    /// Extended, but somebody wants them cancelled, for this reason.
    package var cancels: [(id: JobID, reason: String)]

    package init(refused: [(id: JobID, refusal: Refusal)], cancels: [(id: JobID, reason: String)]) {
        self.refused = refused
        self.cancels = cancels
    }
}

extension Store {
    /// Settles jobs as done. At most ``Defaults/maxJobsPerCall``.
    package func ack(_ jobs: [Held], on queue: QueueName, by consumer: ConsumerID) async throws(StintError)
        -> Settlement
    {
        let reply = try await call(Scripts.ack, queue, reserving: jobs.count * 32) { command in
            command.append(consumer.description)
            // In this order the script finds the jobs of a claim in one range.
            command.append(groups: jobs.sorted { ($0.token, $0.id) < ($1.token, $1.id) })
        }
        return try settlement(reply, "ack \(queue)")
    }

    /// Settles jobs as failed. At most ``Defaults/maxJobsPerCall``.
    ///
    /// - Returns: one outcome for each job, in order.
    package func nack(_ nacks: [Nack], on queue: QueueName, by consumer: ConsumerID) async throws(StintError)
        -> [NackOutcome]
    {
        if nacks.isEmpty { return [] }
        let reply = try await call(Scripts.nack, queue) { command in
            command.append(consumer.description)
            for nack in nacks {
                command.append(nack.held.id.rawValue)
                command.append(nack.held.token.rawValue)
                command.append(nack.verdict.rawValue)
                command.append(nack.delay.wholeMs)
                command.append(nack.maxFailures)
                command.append(nack.reason)
            }
        }
        guard reply.count == nacks.count else { throw .malformedReply("nack \(queue)") }
        return reply.children.map { code in
            switch code.integer {
            case 1: .retried
            case 2: .dead
            case 3: .cancelled
            default: .refused(Refusal(code: code.integer))
            }
        }
    }

    /// Hands jobs back as if they had never been claimed. At most ``Defaults/maxJobsPerCall``.
    ///
    /// - Parameter delay: zero = to the front of their priority at once.
    package func release(
        _ jobs: [Held], on queue: QueueName, by consumer: ConsumerID, delay: Duration = .zero
    ) async throws(StintError) -> Settlement {
        let reply = try await call(Scripts.release, queue, reserving: jobs.count * 32) { command in
            command.append(consumer.description)
            command.append(delay.wholeMs)
            command.append(groups: jobs)
        }
        return try settlement(reply, "release \(queue)")
    }

    /// Moves the deadlines of leases that one still holds to `lease` from now. At most ``Defaults/maxJobsPerCall`` jobs.
    package func extend(
        _ jobs: [(held: Held, lease: Duration)], on queue: QueueName, by consumer: ConsumerID, timeout: Duration? = nil
    ) async throws(StintError) -> Extension {
        let reply = try await call(Scripts.extend, queue, reserving: jobs.count * 32, timeout: timeout) { command in
            command.append(consumer.description)
            var rest = jobs[...]
            while let first = rest.first {
                let group = rest.prefix { $0.held.token == first.held.token && $0.lease == first.lease }
                command.append(first.held.token.rawValue)
                command.append(first.lease.wholeMs)
                command.append(group.count)
                for job in group { command.append(job.held.id.rawValue) }
                rest = rest.dropFirst(group.count)
            }
        }
        guard reply.count == 2 else { throw .malformedReply("extend \(queue)") }
        let cancels = reply[1]
        return Extension(
            refused: refusals(reply[0], from: 0),
            cancels: stride(from: 0, to: cancels.count - 1, by: 2).map { at in
                (JobID(unchecked: cancels[at].string ?? ""), cancels[at + 1].string ?? "")
            }
        )
    }

    func settlement(_ reply: RedisReply, _ operation: String) throws(StintError) -> Settlement {
        guard reply.count % 2 == 1, let accepted = reply[0].integer else { throw .malformedReply(operation) }
        return Settlement(accepted: Int(accepted), refused: refusals(reply, from: 1))
    }

    private func refusals(_ reply: RedisReply, from start: Int) -> [(id: JobID, refusal: Refusal)] {
        stride(from: start, to: reply.count - 1, by: 2).map { at in
            (JobID(unchecked: reply[at].string ?? ""), Refusal(code: reply[at + 1].integer))
        }
    }
}

extension RedisCommand {
    /// Jobs grouped by the tokens that they share: token, n, id 1 … id n.
    fileprivate mutating func append(groups jobs: [Held]) {
        var rest = jobs[...]
        while let token = rest.first?.token {
            let group = rest.prefix { $0.token == token }
            append(token.rawValue)
            append(group.count)
            for job in group { append(job.id.rawValue) }
            rest = rest.dropFirst(group.count)
        }
    }
}
