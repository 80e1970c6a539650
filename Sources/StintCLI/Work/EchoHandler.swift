import NIOCore
import Stint
import StintCore
import StintRuntime

/// Prints jobs.
struct EchoHandler: Sendable {
    let isJSON: Bool
    /// Also payloads that are marked as sensitive.
    let reveals: Bool
    let stop: StopSwitch

    func run(_ context: JobContext) async throws {
        do {
            try await Console.pass(Array((isJSON ? json(context).text + "\n" : text(context)).utf8))
        } catch is BrokenPipe {
            // Nobody reads any more: the job is for somebody else.
            stop.raise(.brokenPipe)
            throw JobOutcome.snooze(.zero)
        }
    }

    private func text(_ context: JobContext) -> String {
        let text = isHidden(context) ? mask(context) : Printable.payload(context.payload)
        return text.hasSuffix("\n") ? text : text + "\n"
    }

    private func json(_ context: JobContext) -> JSON {
        .object(
            [
                ("queue", .string(context.queue.rawValue)), ("id", .string(context.id.rawValue)),
                ("type", .string(context.type.rawValue)), ("attempt", .int(context.attempt)),
                ("token", .int(context.token.rawValue)),
            ] + payloadMembers(context))
    }

    private func payloadMembers(_ context: JobContext) -> [(String, JSON)] {
        isHidden(context)
            ? [("payload", .null), ("payload_bytes", .int(context.payload.readableBytes))]
            : [Printable.payloadMember(context.payload)]
    }

    private func isHidden(_ context: JobContext) -> Bool { context.isSensitive && !reveals }

    private func mask(_ context: JobContext) -> String {
        "<sensitive, \(Printable.count(context.payload.readableBytes, "byte"))>"
    }
}
