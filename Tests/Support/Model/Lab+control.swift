import NIOCore
import StintCore
import StintStore

/// What producers, people and janitors do.
extension Lab {
    func control(_ command: Command) async throws -> Happening {
        switch command {
        case .enqueue(let batches): try await enqueue(batches.flatMap { Self.jobs($0, atUs: nowUs) })
        case .cancel(let numbers): try await cancel(numbers.map(Self.id))
        case .redrive(let numbers): try await redrive(numbers.map(Self.id))
        case .change(let numbers, let priority, let due): try await change(numbers.map(Self.id), priority, due)
        case .setOrder(let order): try await setOrder(order.order)
        case .learn(let isUsual, let runs, let us):
            try await learn(RunTime(Self.type(isUsual ? 0 : 3), runs: runs, us: us))
        case .edit(let numbers, let text): try await edit(numbers.map(Self.id), "edited \(text)")
        case .purge(let limit, let state): try await purge(limit, state)
        case .trim(let limit, let state, let keepMs, let keep): try await trim(limit, state, keepMs, keep)
        case .pause(let isPaused): try await pause(isPaused)
        default: preconditionFailure("\(command) is not a control")
        }
    }

    private func cancel(_ ids: [JobID]) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        return try await answer(
            .other, { try $0.cancel(ids, reason: "why", atUs: nowUs).map(\.rawValue).description },
            { try await $0.cancel(ids, on: queue, reason: "why") }, { $0.outcomes.map(\.rawValue).description }
        ).0
    }

    private func redrive(_ ids: [JobID]) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        return try await answer(
            .redrive(ids), { try $0.redrive(ids, atUs: nowUs).told },
            { try await $0.redrive(ids, on: queue) }, { $0.map(\.rawValue).description }
        ).0
    }

    private func edit(_ ids: [JobID], _ text: String) async throws -> Happening {
        let queue = queue
        return try await answer(
            .other, { try $0.edit(ids.map { ($0, Array(text.utf8)) }).map(\.rawValue).description },
            { try await $0.edit(ids.map { ($0, ByteBuffer(string: text)) }, on: queue) },
            { $0.map(\.rawValue).description }
        ).0
    }

    private func trim(_ limit: Int, _ state: JobState, _ keepMs: Int64, _ keep: Int) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        let bound = Retention(age: .milliseconds(keepMs), count: keep)
        return try await answer(
            .forget, { "[\(try $0.trim(limit, state, keepMs: keepMs, keep: keep, atUs: nowUs))]" },
            { try await $0.trim(limit, on: queue, keeping: [(state, bound)]) }, \.description
        ).0
    }

    private func pause(_ isPaused: Bool) async throws -> Happening {
        let queue = queue
        return try await answer(
            .other, { "\($0.pause(isPaused))" }, { try await $0.pause(isPaused, queue) }, { "\($0)" }
        ).0
    }

    static func jobs(_ batch: Batch, atUs nowUs: Int64) -> [QueueModel.NewJob] {
        var header = JobHeader(
            type: Self.usualType, priority: batch.priority, lease: batch.leaseMs.map { .milliseconds($0) },
            maxLapses: batch.maxLapses, startBy: batch.startBy?.moment(atUs: nowUs),
            deadline: batch.deadline?.moment(atUs: nowUs),
            estimate: batch.estimateMs.map { .milliseconds($0) },
            unique: batch.key == nil ? nil : batch.span.span)
        header.retryUntil = batch.retryForMs.map { .after(.milliseconds($0)) }
        let unique = batch.key.map { Unique("key \($0)", conflict: batch.replaces ? .replace : .reject) }
        let due = batch.due.model(atUs: nowUs)
        return batch.ids.map { number in
            header.type = Self.type(number)
            return QueueModel.NewJob(
                id: Self.id(number), header: header, payload: Array("\(number)".utf8), due: due, isFresh: batch.isFresh,
                unique: unique)
        }
    }

    private func enqueue(_ new: [QueueModel.NewJob]) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        let sent = new.map { job in
            var new = NewJob(
                id: job.id, isFresh: job.isFresh, header: job.header, payload: ByteBuffer(bytes: job.payload),
                due: job.due.stored)
            if let unique = job.unique, let span = job.header.unique { new.makeUnique(unique, span) }
            return new
        }
        var (happening, outcomes) = try await answer(
            .other, { try $0.enqueue(new, atUs: nowUs).told }, { try await $0.enqueue(sent, on: queue) }, \.told)
        let dueMs = new.map { $0.due.ms(nowUs / 1000) }
        if let outcomes { happening.kind = .enqueue(Array(zip(new.map(\.id), outcomes)), dueMs: dueMs) }
        return happening
    }

    /// Which of the done ids go is Redis's choice: it is looked up, and the model is told.
    private func purge(_ limit: Int, _ state: JobState) async throws -> Happening {
        let queue = queue
        let before = model.doneBefore.isEmpty ? model.done : model.doneBefore
        var gone: Set<JobID>?
        return try await answer(
            .forget, { "\(try $0.purge(limit, state, doneIDs: gone))" },
            { store in
                let count = try await store.purge(limit, state, on: queue)
                if state == .done {
                    let sight = try await Sight.look(at: queue, store, expecting: [])
                    gone = before.subtracting(sight.done).subtracting(sight.doneBefore)
                }
                return count
            }, { "\($0)" }
        ).0
    }
}

extension Span {
    fileprivate var span: UniqueSpan {
        switch self {
        case .done: .untilDone
        case .started: .untilStarted
        case .ms(let ms): .time(.milliseconds(ms))
        }
    }
}
