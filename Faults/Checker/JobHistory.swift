/// What the histories say of one job.
struct JobHistory {
    struct Claim {
        let token: Int64
        let consumer: String
        let event: Event
    }

    struct Run {
        let token: Int64
        let consumer: String
        let began: Int64
        /// `.max` = nobody saw its end.
        var ended: Int64
    }

    enum Reason {
        /// The run failed, and said so before the next one.
        case retry
        case lapse, release
    }

    var enqueue: [Event] = []
    var claims: [Claim] = []
    var runs: [Run] = []
    var settles: [Event] = []
    var lapses: [Event] = []

    var wasAttempted: Bool { enqueue.contains { $0.type == .invoke } }
    var accepted: Event? { enqueue.first { $0.type == .ok } }
    /// Its only answer was that it had not been accepted.
    var wasRefused: Bool { accepted == nil && enqueue.last?.type == .fail }
    var dueMs: Int64? { enqueue.compactMap(\.dueMs).first }

    var acks: [Event] { settles.filter { $0.type == .ok && ["ack", "late_ack"].contains($0.how) } }

    /// Why the lease of `earlier` had ended when `later` was claimed. The claims' own counts come from the store, so they
    /// hold even where the event of a lapse was lost with its process.
    func reason(from earlier: Claim, to later: Claim) -> Reason? {
        if earlier.event.lapses ?? 0 < later.event.lapses ?? 0 { return .lapse }
        if earlier.event.failures ?? 0 < later.event.failures ?? 0 { return .retry }
        if lapses.contains(where: { $0.token == earlier.token }) { return .lapse }
        // A release that was sent may have come through although its answer was lost.
        if settles.contains(where: { $0.token == earlier.token && $0.how == "release" && $0.type != .fail }) {
            return .release
        }
        return nil
    }

    /// By id, in the order of tokens.
    static func all(_ events: [Event]) -> [String: JobHistory] {
        let deaths = deaths(events)
        var jobs: [String: JobHistory] = [:]
        for event in events {
            guard let id = event.id else { continue }
            jobs[id, default: JobHistory()].add(event)
        }
        for id in jobs.keys {
            jobs[id]?.claims.sort { $0.token < $1.token }
            jobs[id]?.runs.sort { $0.token < $1.token }
            for index in jobs[id]?.runs.indices ?? 0..<0 {
                guard let run = jobs[id]?.runs[index], run.ended == .max, let death = deaths[run.consumer] else {
                    continue
                }
                jobs[id]?.runs[index].ended = death
            }
        }
        return jobs
    }

    /// When each process ended that was killed.
    static func deaths(_ events: [Event]) -> [String: Int64] {
        events.filter { $0.op == .fault && $0.how == "kill" }.reduce(into: [:]) { deaths, event in
            if let consumer = event.consumer { deaths[consumer] = event.mono }
        }
    }

    private mutating func add(_ event: Event) {
        switch event.op {
        case .enqueue: enqueue.append(event)
        case .claim:
            guard let token = event.token, let consumer = event.consumer else { return }
            claims.append(Claim(token: token, consumer: consumer, event: event))
        case .run:
            guard let token = event.token, let consumer = event.consumer else { return }
            if event.type == .invoke {
                runs.append(Run(token: token, consumer: consumer, began: event.mono, ended: .max))
            } else if let index = runs.lastIndex(where: { $0.token == token && $0.consumer == consumer }) {
                runs[index].ended = event.mono
            }
        case .settle: settles.append(event)
        case .lapse: lapses.append(event)
        case .lost, .node, .fault, .exit: break
        }
    }
}
