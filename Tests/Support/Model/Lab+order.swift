import StintCore
import StintRuntime
import StintStore

/// In which order jobs run, and what is changed about jobs that wait.
extension Lab {
    func change(_ ids: [JobID], _ priority: Int?, _ due: Due?) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        let due = due?.model(atUs: nowUs)
        var (happening, outcomes) = try await answer(
            .other, { try $0.change(ids, priority: priority, due: due, atUs: nowUs).map(\.rawValue).description },
            { try await $0.change(ids, on: queue, priority: priority, due: due?.stored) },
            { $0.map(\.rawValue).description })
        happening.kind = .change(ids, outcomes ?? [], dueMs: due?.ms(nowUs / 1000))
        return happening
    }

    func setOrder(_ order: QueueOrder) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        return try await answer(
            .other,
            { model in
                model.setOrder(order, atUs: nowUs)
                return "\(order)"
            },
            { store in
                try await store.configure([("order", order.setting)], of: queue)
                try await ReorderWalk(store).run(queue)
                return try await store.settings(of: queue).order
            }, { "\($0)" }
        ).0
    }

    func learn(_ measured: RunTime) async throws -> Happening {
        let queue = queue
        return try await answer(
            .other, { "\(try $0.learn([measured]))" }, { try await $0.learn([measured], of: queue) }, { "\($0)" }
        ).0
    }
}

extension Due {
    func model(atUs nowUs: Int64) -> QueueModel.Due {
        switch self {
        case .now: .now
        case .afterMs(let ms): .afterMs(ms)
        case .atMs(let ms): .atMs(nowUs / 1000 + ms)
        }
    }

    func moment(atUs nowUs: Int64) -> StintCore.Moment {
        switch self {
        case .now: .at(ms: nowUs / 1000)
        case .afterMs(let ms): .after(.milliseconds(ms))
        case .atMs(let ms): .at(ms: nowUs / 1000 + ms)
        }
    }
}

extension QueueModel.Due {
    var stored: StintStore.Due {
        switch self {
        case .now: .now
        case .afterMs(let ms): .after(.milliseconds(ms))
        case .atMs(let ms): .at(ms: ms)
        }
    }
}
