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

    /// Lines of a job's log are for people: nobody reads them in a test.
    package func log(_ lines: [String], of id: JobID, on queue: QueueName) {}
}
