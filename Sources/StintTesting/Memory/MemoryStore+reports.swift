package import NIOCore
package import StintCore
package import StintStore

// Each is the function of ``Store`` of the same name.
extension MemoryStore {
    package func answer(
        _ answers: [Answer], on queue: QueueName, by consumer: ConsumerID, keeping count: Int, bytes: Int
    ) throws(StintError) -> Settlement {
        let answers = answers.map { answer in
            QueueModel.Answer(answer.held.claim, keepMs: answer.keep.wholeMs, result: Array(buffer: answer.result))
        }
        return Settlement(
            try change(queue, "answer") { model, nowUs throws(QueueModel.Malformed) in
                try model.answer(answers, by: consumer, keep: count, keepBytes: bytes, atUs: nowUs)
            })
    }

    package func note(_ notes: [Note], on queue: QueueName, by consumer: ConsumerID) throws(StintError) -> [Refusal?] {
        try change(queue, "note") { model, nowUs throws(QueueModel.Malformed) in
            var refusals: [QueueModel.Refusal?] = []
            for note in notes {
                refusals += try model.note(
                    [note.held.claim], note.kind == .progress ? .progress : .checkpoint, Array(buffer: note.value),
                    by: consumer, atUs: nowUs)
            }
            return refusals
        }.map { $0.map { Refusal($0) } }
    }

    package func checkpoint(of id: JobID, on queue: QueueName) throws(StintError) -> ByteBuffer? {
        look(queue) { model, _ in model.jobs[id]?.checkpoint.map { ByteBuffer(bytes: $0) } }
    }

    package func result(of id: JobID, on queue: QueueName) throws(StintError) -> ByteBuffer? {
        look(queue) { model, _ in model.results[id].map { ByteBuffer(bytes: $0.result) } }
    }

    package func trimResults(
        _ limit: Int = Defaults.maxJobsPerCall, on queue: QueueName, keeping count: Int = Defaults.keepResults,
        bytes: Int = Defaults.keepResultBytes
    ) throws(StintError) -> Int {
        try change(queue, "trim") { model, nowUs throws(QueueModel.Malformed) in
            try model.trimResults(limit, keep: count, keepBytes: bytes, atUs: nowUs)
        }
    }

    package func progress(of id: JobID, on queue: QueueName) throws(StintError) -> JobProgress? {
        look(queue) { model, _ in model.jobs[id]?.progress.flatMap(JobProgress.init(decoding:)) }
    }

    package func log(_ lines: [String], of id: JobID, on queue: QueueName) throws(StintError) {
        append(lines, to: LogName(id: id, queue: queue), keeping: Store.logLines)
    }

    package func log(of id: JobID, on queue: QueueName) throws(StintError) -> [JobLogLine] {
        let lines = log(LogName(id: id, queue: queue))
        guard let last = lines.last, last.atMs + Store.keepLog.wholeMs > nowUs / 1000 else { return [] }
        return lines
    }

    /// All at once, whatever the limit.
    package func failures(_ limit: Int, from cursor: String, on queue: QueueName) throws(StintError) -> FailureStep {
        look(queue) { model, nowUs in
            let failed = model.jobs.compactMap { id, job -> FailedJob? in
                let state = job.place.state
                guard let tries = job.tries, state != .cancelled else { return nil }
                return FailedJob(
                    id: id, state: state, whenMs: job.place.timeMs, type: job.header.type,
                    payloadBytes: job.payload.count, tries: tries.shortened(to: Self.triesBytes))
            }
            return FailureStep(next: nil, serverMs: nowUs / 1000, recordBytes: 0, jobs: failed.sorted { $0.id < $1.id })
        }
    }

    /// Of tries so many bytes are told.
    private static let triesBytes = 350
}

extension Tries {
    /// As `failures` cuts them: they are told as one text.
    fileprivate func shortened(to bytes: Int) -> Tries {
        let head = "\(failures) \(lapses) \(lastMs) ".utf8.count
        return Tries(
            failures: failures, lapses: lapses, lastMs: lastMs,
            reason: String(decoding: reason.utf8.prefix(max(0, bytes - head)), as: UTF8.self))
    }
}
