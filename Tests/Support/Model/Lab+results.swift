import NIOCore
import StintCore
import StintStore

/// What nodes say of jobs beside their ends.
extension Lab {
    /// So few that they are reached.
    static let keepBytes = 40

    func results(_ command: Command) async throws -> Happening {
        switch command {
        case .answer(let pick, let keepMs, let keep, let node):
            return try await answer(beliefs.resolve(pick, node), keepMs, keep, node)
        case .note(let pick, let isProgress, let node):
            return try await note(beliefs.resolve(pick, node), isProgress, node)
        case .trimResults(let limit, let keep):
            let (queue, nowUs) = (queue, nowUs)
            return try await answer(
                .other, { "\(try $0.trimResults(limit, keep: keep, keepBytes: Self.keepBytes, atUs: nowUs))" },
                { try await $0.trimResults(limit, on: queue, keeping: keep, bytes: Self.keepBytes) }, { "\($0)" }
            ).0
        default: preconditionFailure("\(command) is not about results")
        }
    }

    private func answer(_ jobs: [Held], _ keepMs: Int64, _ keep: Int, _ node: Int) async throws -> Happening {
        let (queue, nowUs, consumer) = (queue, nowUs, Self.consumer(node))
        let expected = jobs.map { QueueModel.Answer($0.claim, keepMs: keepMs, result: Array("of \($0.id)".utf8)) }
        let sent = jobs.map {
            Answer($0, keep: .milliseconds(keepMs), result: ByteBuffer(string: "of \($0.id)"))
        }
        var (happening, settlement) = try await answer(
            .other,
            { try $0.answer(expected, by: consumer, keep: keep, keepBytes: Self.keepBytes, atUs: nowUs).told },
            { try await $0.answer(sent, on: queue, by: consumer, keeping: keep, bytes: Self.keepBytes) }, \.told)
        happening.kind = .ack(jobs, settlement)
        beliefs.drop(jobs, of: node)
        return happening
    }

    private func note(_ jobs: [Held], _ isProgress: Bool, _ node: Int) async throws -> Happening {
        let (queue, nowUs, consumer) = (queue, nowUs, Self.consumer(node))
        let value = "0.5 by \(node)"
        let notes = jobs.map { Note($0, isProgress ? .progress : .checkpoints, ByteBuffer(string: value)) }
        return try await answer(
            .other,
            { model in
                try model.note(
                    jobs.map(\.claim), isProgress ? .progress : .checkpoint, Array(value.utf8), by: consumer,
                    atUs: nowUs
                ).map { $0.map { "\($0)" } ?? "kept" }.description
            },
            { try await $0.note(notes, on: queue, by: consumer) },
            { $0.map { $0.map { "\($0)" } ?? "kept" }.description }
        ).0
    }
}
