import FaultChecker

/// A history that is made by hand, an event a millisecond.
struct Story {
    private var events: [Event] = []
    private var states: [String: String] = [:]
    private var complaints: [String]?
    private var now: Int64 = 0

    var evidence: Evidence { Evidence(events: events, store: states, complaints: complaints) }

    private func adding(_ change: (inout Story, Int64) -> Void) -> Story {
        var copy = self
        copy.now += 1_000_000
        change(&copy, copy.now)
        return copy
    }

    func wait(_ seconds: Double) -> Story { adding { story, _ in story.now += Int64(seconds * 1e9) } }

    func attempt(_ id: String, _ outcome: Event.Phase, dueMs: Int64? = nil) -> Story {
        adding { story, now in
            story.events.append(Event(.enqueue, .invoke, mono: now, id: id, consumer: "p", dueMs: dueMs))
            story.events.append(Event(.enqueue, outcome, mono: now + 1, id: id, consumer: "p", dueMs: dueMs))
        }
    }

    func enqueue(_ id: String, dueMs: Int64? = nil) -> Story { attempt(id, .ok, dueMs: dueMs) }

    func claim(
        _ id: String, _ token: Int64, by consumer: String, failures: Int = 0, lapses: Int = 0, serverMs: Int64? = nil
    ) -> Story {
        adding { story, now in
            story.events.append(
                Event(
                    .claim, .ok, mono: now, id: id, token: token, consumer: consumer, serverMs: serverMs,
                    failures: failures, lapses: lapses))
        }
    }

    func begin(_ id: String, _ token: Int64, by consumer: String) -> Story {
        adding { $0.events.append(Event(.run, .invoke, mono: $1, id: id, token: token, consumer: consumer)) }
    }

    func end(_ id: String, _ token: Int64, by consumer: String) -> Story {
        adding { $0.events.append(Event(.run, .ok, mono: $1, id: id, token: token, consumer: consumer)) }
    }

    func run(_ id: String, _ token: Int64, by consumer: String) -> Story {
        begin(id, token, by: consumer).end(id, token, by: consumer)
    }

    func settle(
        _ id: String, _ token: Int64, by consumer: String, _ how: String, _ outcome: Event.Phase = .ok
    ) -> Story {
        adding { story, now in
            for (type, at) in [(Event.Phase.invoke, now), (outcome, now + 1)] {
                story.events.append(
                    Event(.settle, type, mono: at, id: id, token: token, consumer: consumer, how: how))
            }
        }
    }

    /// The store remembers it, too.
    func ack(_ id: String, _ token: Int64, by consumer: String) -> Story {
        settle(id, token, by: consumer, "ack").store(id, "done")
    }

    func lapse(_ id: String, _ token: Int64) -> Story {
        adding { $0.events.append(Event(.lapse, .ok, mono: $1, id: id, token: token)) }
    }

    func fault(_ how: String, _ consumer: String? = nil) -> Story {
        adding { $0.events.append(Event(.fault, .info, mono: $1, consumer: consumer, how: how)) }
    }

    func exit(_ name: String, _ type: Event.Phase) -> Story {
        adding { $0.events.append(Event(.exit, type, mono: $1, consumer: name, how: "code(1)", note: "expected 0")) }
    }

    func store(_ id: String, _ state: String) -> Story { adding { story, _ in story.states[id] = state } }

    func complain(_ texts: String...) -> Story { adding { story, _ in story.complaints = texts } }
}
