import ArgumentParser
import Foundation
import Stint
import StintCore
import StintStore

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "What happens to the jobs of queues, as it happens, until Ctrl-C.",
        discussion: """
            One line for each thing that happened, to one job or to many at once. Where the events of a queue are off, \
            this turns them on, and says so; they stay on until stint queue events QUEUE off.

            EXAMPLES
              stint watch mail
              stint watch mail bulk --event dead,failed
              stint watch mail --id 0K-2aZk3D9XxQ1 --json
            """)

    @Argument(help: "The queues.", transform: Parse.queue)
    var queues: [QueueName]

    @Option(
        help: ArgumentHelp("Only events of this job; may be given more than once.", valueName: "id"),
        transform: Parse.id)
    var id: [JobID] = []

    @Option(
        help: ArgumentHelp(
            "Only these events, as dead or enqueued,acked.", valueName: "events"))
    var event: String?

    @Flag(help: "Begin with the oldest event that is kept. Default: with what happens from now on.")
    var all = false

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if queues.isEmpty { throw ValidationError("Name at least one queue.") }
    }

    func run() async throws {
        try await redis.withClient { client in
            for queue in queues { try await turnOn(queue, client) }
            let lines = EventLines(
                ids: Set(id), kinds: event.map(Self.kinds), json: output.json, named: queues.count > 1)
            var all: [QueueEvents] = []
            for queue in queues { all.append(try await client.events(of: queue, from: self.all ? .oldest : .now)) }
            Console.note("watching \(queues.map(\.rawValue).joined(separator: ", ")); Ctrl-C stops")
            try await follow(all, lines)
        }
    }

    private static func kinds(_ text: String) -> Set<QueueEvent.Kind> {
        Set(text.split(separator: ",").map { QueueEvent.Kind(rawValue: String($0)) })
    }

    private func turnOn(_ queue: QueueName, _ client: StintClient) async throws {
        if try await client.eventsKept(on: queue) != nil { return }
        let count = QueueEventsCommand.usual
        try await client.setEvents(keeping: count, on: queue)
        Console.note(
            "the events of \(queue) were off; they are on now, about \(count) are kept: stint queue events \(queue) off"
        )
    }

    private func follow(_ all: [QueueEvents], _ lines: EventLines) async throws {
        // Nothing is read before signals are heard: who sees the first line may send one.
        let (waiting, start) = AsyncStream<Void>.makeStream()
        let reading = Task {
            for await _ in waiting {}
            try await withThrowingTaskGroup(of: Void.self) { group in
                for events in all {
                    group.addTask {
                        for try await event in events {
                            if let line = lines.line(event) { try Console.write(line) }
                        }
                    }
                }
                // The first that ends with an error ends all.
                while try await group.next() != nil {}
            }
        }
        let interrupts = Interrupts { number, nth in
            if nth > 1 { (number == SIGINT ? ExitStatus.interrupted : .terminated).exit() }
            reading.cancel()
        }
        defer { withExtendedLifetime(interrupts) {} }
        start.finish()
        try await reading.value
    }
}

/// Events as lines, for people or as JSON.
struct EventLines: Sendable {
    let ids: Set<JobID>
    let kinds: Set<QueueEvent.Kind>?
    let json: Bool
    /// Whether lines begin with the queue's name.
    let named: Bool

    /// - Returns: `nil` = not asked for.
    func line(_ event: QueueEvent) -> String? {
        if event.kind != .gap {
            if let kinds, !kinds.contains(event.kind) { return nil }
            if !ids.isEmpty, ids.isDisjoint(with: event.jobs) { return nil }
        }
        return json ? event.json.text + "\n" : text(event) + "\n"
    }

    private func text(_ event: QueueEvent) -> String {
        var words = [Printable.time(ms: event.atMs)]
        if named { words.append(event.queue.rawValue) }
        if event.kind == .gap {
            return Printable.clean(
                (words + ["gap", "\(event.missing) events were trimmed unread"]).joined(separator: " "))
        }
        words.append(event.kind.rawValue)
        if let state = event.state, state.rawValue != event.kind.rawValue { words.append("→ " + state.rawValue) }
        words += event.jobs.prefix(10).map(\.rawValue)
        if event.jobs.count > 10 { words.append("and \(event.jobs.count - 10) more") }
        if let consumer = event.consumer { words.append("by " + consumer.description) }
        if !event.reason.isEmpty { words.append("(" + event.reason + ")") }
        return Printable.clean(words.joined(separator: " "))
    }
}

extension QueueEvent {
    fileprivate var json: JSON {
        .object([
            ("entry", .string(id)), ("queue", .string(queue.rawValue)), ("event", .string(kind.rawValue)),
            ("at_ms", .int(atMs)), ("state", .optional(state?.rawValue)),
            ("jobs", .array(jobs.map { .string($0.rawValue) })),
            ("consumer", .optional(consumer?.description)), ("tokens", .array(tokens.map { .int($0.rawValue) })),
            ("reason", .optional(reason.isEmpty ? nil : reason)),
            ("missing", kind == .gap ? .int(missing) : .null),
        ])
    }
}
