package import NIOCore
package import StintCore
import StintLua
import StintRedis

/// What is noted of a step of a job.
package enum StepNote: Sendable, Hashable {
    /// It has come to this. The first note stays.
    case noted(ByteBuffer)
    /// Nothing, and there is room for it.
    case open
    /// Nothing, and there is no room for it: ``Defaults/maxSteps``, ``Defaults/maxStepBytes``.
    case full
    /// The job is not held any more. Nothing was read or noted.
    case refused(Refusal)
}

extension Store {
    /// Reads what a step of a leased job has come to, or notes it.
    ///
    /// Repeating a call that failed `unconfirmed` is safe.
    ///
    /// - Parameter value: to be noted; `nil` = only read.
    package func once(
        _ step: String, of job: Held, noting value: ByteBuffer? = nil, on queue: QueueName, by consumer: ConsumerID
    ) async throws(StintError) -> StepNote {
        let reply = try await call(Scripts.once, queue, reserving: (value?.readableBytes ?? 0) + 96) { command in
            command.append(consumer.description)
            command.append(job.id.rawValue)
            command.append(job.token.rawValue)
            command.append(step)
            if let value { command.append(value) }
        }
        guard reply.count == 2, let code = reply[0].integer else { throw .malformedReply("once \(queue)") }
        return switch code {
        case 1: .noted(reply[1].bytes ?? ByteBuffer())
        case 2: .open
        case 3: .full
        default: .refused(Refusal(code: code))
        }
    }
}
