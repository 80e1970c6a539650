import StintCore
import StintRedis
import StintStore

/// Follows the events of a queue: whoever knows them all knows where every job is, and under which lease.
struct Listener {
    private struct Place: Equatable {
        var state: JobState
        var token: Token?
        var consumer: ConsumerID?
    }

    var position = EventPosition(number: 0)
    private var places: [JobID: Place] = [:]
    private var isPaused = false

    /// - Returns: what an event says that cannot be true, in words.
    mutating func hear(_ event: QueueEvent) -> [String] {
        var wrong: [String] = []
        func check(_ isRight: Bool, _ sentence: String) {
            if !isRight { wrong.append("event \(event.kind) of \(event.jobs.prefix(5)): \(sentence)") }
        }
        check(event.kind != .gap, "\(event.missing) events are missing")
        check(Set(event.jobs).count == event.jobs.count, "a job stands in it twice")
        check(event.tokens.isEmpty || event.tokens.count == event.jobs.count, "a token is missing")
        if event.kind == .paused || event.kind == .resumed {
            check(isPaused != (event.kind == .paused), "it was so before")
            isPaused = event.kind == .paused
        }
        for (index, id) in event.jobs.enumerated() {
            let token = event.tokens.isEmpty ? nil : event.tokens[index]
            let before = places[id]
            if event.kind == .claimed {
                check(before?.state == .ready, "\(id) was not ready")
                places[id] = Place(state: .leased, token: token, consumer: event.consumer)
                continue
            }
            if let token { check(before?.token == token, "\(id) was not held under token \(token)") }
            switch event.kind {
            case .cancelRequested, .progress:
                check(before?.state == .leased && event.state == nil, "\(id) was not leased")
            case .purged, .trimmed: places[id] = nil
            default: places[id] = event.state.map { Place(state: $0) }
            }
        }
        return wrong
    }

    /// - Returns: where what was heard and what is seen differ, in words.
    mutating func compare(_ sight: Sight) -> [String] {
        var wrong: [String] = []
        // Ids of done jobs are forgotten without a word.
        let done = sight.done.union(sight.doneBefore)
        for (id, place) in places where place.state == .done && !done.contains(id) { places[id] = nil }
        var seen = Dictionary(uniqueKeysWithValues: done.map { ($0, Place(state: .done)) })
        for (state, ids) in sight.ids {
            for id in ids {
                let job = sight.jobs[id]
                seen[id] = Place(state: state, token: job?.token, consumer: job?.consumer)
            }
        }
        if seen != places {
            for id in Set(seen.keys).union(places.keys).sorted() where seen[id] != places[id] {
                wrong.append("events say that \(id) is \(places[id] as Any), and it is \(seen[id] as Any)")
            }
        }
        if isPaused != sight.isPaused { wrong.append("events say that paused is \(isPaused)") }
        return wrong
    }
}

extension Lab {
    /// Has the events of the queue told from now on.
    func listen() async throws {
        try await store.configure([("events", "\(Store.maxEvents)")], of: queue)
        listener = Listener()
    }

    /// What new events say, beside what is seen.
    func heard(_ sight: Sight) async throws -> [String] {
        guard var listener else { return [] }
        var wrong: [String] = []
        while true {
            let command = store.readEvents(queue, after: listener.position, blockMs: nil)
            let events = store.events(
                in: try await store.client.send(command), of: queue, after: &listener.position)
            if events.isEmpty { break }
            for event in events { wrong += listener.hear(event) }
        }
        wrong += listener.compare(sight)
        self.listener = listener
        return Array(wrong.prefix(5))
    }
}
