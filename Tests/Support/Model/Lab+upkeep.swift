import StintCore
import StintRedis
import StintStore

/// What every node does for the queue as a whole.
extension Lab {
    func upkeep(_ command: Command) async throws -> Happening {
        switch command {
        case .reap(let limit, let maxLapses): try await reap(limit, maxLapses)
        case .promote(let limit, let node): try await promote(limit, Self.consumer(node))
        case .expel(let node): try await expel(Self.consumer(node))
        case .look(let node): try await look(Self.consumer(node))
        case .takeMark: try await takeMark()
        default: preconditionFailure("\(command) is not upkeep")
        }
    }

    private func reap(_ limit: Int, _ maxLapses: Int) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        var (happening, reaping) = try await answer(
            .other, { try $0.reap(limit, maxLapses: maxLapses, atUs: nowUs).told },
            { try await $0.reap(limit, from: queue, maxLapses: maxLapses) }, \.told)
        happening.kind = .reap(reaping?.lapses ?? [])
        return happening
    }

    private func promote(_ limit: Int, _ consumer: ConsumerID) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        var (happening, promoted) = try await answer(
            .other, { "\(try $0.promote(limit, atUs: nowUs))" },
            { try await $0.promote(limit, on: queue, for: consumer) }, { "\($0.promoted)" })
        if let promoted, !isRight(dueIn: promoted.dueIn, model.firstMs(.scheduled)) {
            happening.found += ", due in \(promoted.dueIn as Any)"
        }
        return happening
    }

    private func expel(_ consumer: ConsumerID) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        return try await answer(
            .other, { "\($0.expel(consumer, atUs: nowUs))" }, { try await $0.expel(consumer, from: queue) }, { "\($0)" }
        ).0
    }

    private func takeMark() async throws -> Happening {
        var pop = RedisCommand("LPOP")
        pop.append(store.keys.wake(queue))
        let command = pop
        return try await answer(
            .other, { "\($0.takeMark())" }, { try await $0.client.send(command) }, { "\(!$0.isNull)" }
        ).0
    }

    private func look(_ consumer: ConsumerID) async throws -> Happening {
        let (queue, nowUs) = (queue, nowUs)
        var (happening, looked) = try await answer(
            .other,
            { model in
                let isDue = model.firstInUs(.scheduled, atUs: nowUs) == 0
                let isReady = !model.isPaused && (isDue || !model.line.isEmpty)
                return told(isReady, model.firstInUs(.leased, atUs: nowUs).map { .microseconds($0) })
            },
            { try await $0.look(at: [queue], for: consumer) },
            { told($0.looks[0].isReady, $0.looks[0].lapseIn) })
        if let looked, !isRight(dueIn: looked.looks[0].dueIn, model.firstMs(.scheduled)) {
            happening.found += ", due in \(looked.looks[0].dueIn as Any)"
        }
        return happening
    }
}

private func told(_ isReady: Bool, _ lapseIn: Duration?) -> String {
    "\(isReady ? "ready" : "not ready"), lapse in \(lapseIn.map { "\($0)" } ?? "-")"
}
