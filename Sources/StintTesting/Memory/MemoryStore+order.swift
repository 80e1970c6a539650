package import StintCore
package import StintStore

// Each is the function of ``Store`` of the same name.
extension MemoryStore {
    /// Of the settings only the order: nobody is told of events in memory.
    @discardableResult
    package func configure(_ settings: [(name: String, value: String?)], of queue: QueueName) throws(StintError)
        -> QueueSettings
    {
        try change(queue, "configure") { model, nowUs throws(QueueModel.Malformed) in
            let before = model.order.setting.map { "order=\($0);" } ?? ""
            for (name, value) in settings {
                guard name == "order" else { throw QueueModel.Malformed() }
                model.setOrder(QueueOrder(setting: value ?? ""), atUs: nowUs)
            }
            return QueueSettings(decoding: before)
        }
    }

    /// A new order is there at once, for all jobs.
    package func order(of queue: QueueName) throws(StintError) -> (order: QueueOrder, isReordering: Bool) {
        look(queue) { model, _ in (model.order, false) }
    }

    package func reorder(_ limit: Int, of queue: QueueName, from cursor: String, change: String) throws(StintError)
        -> ReorderStep
    {
        ReorderStep(next: nil, change: change, looked: 0, recordBytes: 0)
    }

    /// Nobody learns in memory: runs take the time that a test lets pass.
    package func estimates(of queue: QueueName) throws(StintError) -> [JobType: Duration] {
        look(queue) { model, _ in model.estimatesUs.mapValues { .microseconds($0) } }
    }
}
