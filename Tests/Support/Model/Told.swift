import NIOCore
import StintCore
import StintStore

// What either side answers, in the same words.

private func lapse(_ duration: Duration?) -> String { "lapse in \(duration.map { "\($0)" } ?? "-")" }
private func word(_ refusal: Refusal) -> String { refusal == .gone ? "gone" : "stale" }
private func word(_ refusal: QueueModel.Refusal) -> String { refusal == .gone ? "gone" : "stale" }

extension QueueModel.Claimed {
    func told(_ jobs: [JobID: QueueModel.Job]) -> String {
        let runs = ids.map { id -> String in
            guard let job = jobs[id] else { return "\(id) without a job" }
            return "\(id) \(job.header) \(String(decoding: job.payload, as: UTF8.self)) \(job.tries ?? .none)"
        }
        let token = isPaused ? "paused" : token.map { "\($0)" } ?? "none"
        return "token \(token), more \(leavesMore), \(lapse(lapseInUs.map { .microseconds($0) })), "
            + "skipped \(skipped), next \(nextRank): \(runs)"
    }
}

extension Claim {
    var told: String {
        let runs = jobs.map { "\($0.id) \($0.header) \(String(buffer: $0.payload)) \($0.tries)" }
        let token = isPaused ? "paused" : token.map { "\($0)" } ?? "none"
        let broken = malformed.isEmpty ? "" : ", malformed \(malformed)"
        return
            "token \(token), more \(leavesMore), \(lapse(lapseIn)), skipped \(skipped), next \(nextRank): \(runs)\(broken)"
    }
}

extension QueueModel.Settlement {
    // The store acks in an order of its own.
    var told: String { "\(accepted) accepted, \(refused.map { "\($0.id) \(word($0.refusal))" }.sorted())" }
}

extension Settlement {
    // The store acks in an order of its own.
    var told: String { "\(accepted) accepted, \(refused.map { "\($0.id) \(word($0.refusal))" }.sorted())" }
}

extension QueueModel.StepNote {
    var told: String {
        switch self {
        case .noted(let value): "noted \(String(decoding: value.prefix(50), as: UTF8.self)), \(value.count)"
        case .open: "open"
        case .full: "full"
        case .refused(let refusal): word(refusal)
        }
    }
}

extension StepNote {
    var told: String {
        switch self {
        case .noted(let value): "noted \(String(buffer: value).prefix(50)), \(value.readableBytes)"
        case .open: "open"
        case .full: "full"
        case .refused(let refusal): word(refusal)
        }
    }
}

extension QueueModel.Extended {
    var told: String {
        "\(refused.map { "\($0.id) \(word($0.refusal))" }), cancels \(cancels.map { "\($0.id) \($0.reason)" })"
    }
}

extension Extension {
    var told: String {
        "\(refused.map { "\($0.id) \(word($0.refusal))" }), cancels \(cancels.map { "\($0.id) \($0.reason)" })"
    }
}

extension [QueueModel.NackOutcome] {
    var told: String {
        map { outcome in
            switch outcome {
            case .retried: "retried"
            case .dead: "dead"
            case .cancelled: "cancelled"
            case .refused(let refusal): word(refusal)
            }
        }.description
    }
}

extension [NackOutcome] {
    var told: String {
        map { outcome in
            switch outcome {
            case .retried: "retried"
            case .dead: "dead"
            case .cancelled: "cancelled"
            case .refused(let refusal): word(refusal)
            }
        }.description
    }
}

extension [QueueModel.EnqueueOutcome] {
    var told: String {
        map { outcome in
            switch outcome {
            case .accepted: "accepted"
            case .exists(let state): state.rawValue
            // The store does not tell these from ready ones.
            case .repeated: JobState.ready.rawValue
            case .taken(let holder, let state): "taken by \(holder), \(state)"
            case .repeatedKey(let holder): "taken by \(holder), \(JobState.ready)"
            case .replaced(let holder, let state): "replaced \(holder), \(state)"
            }
        }.description
    }
}

extension [EnqueueOutcome] {
    var told: String {
        map { outcome in
            switch outcome {
            case .accepted: "accepted"
            case .exists(let state): state.rawValue
            case .taken(let holder, let state): "taken by \(holder), \(state)"
            case .replaced(let holder, let state): "replaced \(holder), \(state)"
            }
        }.description
    }
}

extension [QueueModel.RedriveOutcome] {
    var told: String {
        map { outcome in
            switch outcome {
            case .state(let state): state?.rawValue ?? "unknown"
            case .taken: "taken"
            }
        }.description
    }
}

extension QueueModel.Reaped {
    /// In which order lapses are told is nobody's business.
    var told: String {
        let told = lapses.map { "\($0.id) \($0.token) \($0.consumer) \($0.outcome) \($0.lapses)" }.sorted()
        return "\(lapse(lapseInUs.map { .microseconds($0) })): \(told)"
    }
}

extension Reaping {
    var told: String {
        let told = lapses.map { lapse in
            "\(lapse.id) \(lapse.token?.description ?? "-") \(lapse.consumer?.description ?? "-") \(lapse.outcome) \(lapse.lapses)"
        }.sorted()
        return "\(lapse(lapseIn)): \(told)"
    }
}
