import ArgumentParser
import Foundation
import Stint
import StintCore
import StintStore

struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Queues at a glance.",
        discussion: """
            READY, SCHEDULED, LEASED and DEAD are how many there are now; DONE is how many there ever were. OLDEST is \
            how long the job that has been ready longest has been waiting. Behind it stand the order of the queue, unless \
            that is by priority, and whether it is paused.

            EXAMPLES
              stint stats
              stint stats mail --watch
              stint stats --json | jq '.queues[] | select(.dead > 0) | .name'
            """
    )

    @Argument(help: "Which queues. Default: all.", transform: Parse.queue)
    var queues: [QueueName] = []

    @Flag(help: "Again and again until Ctrl-C, with rates.")
    var watch = false

    @Option(help: ArgumentHelp("How often --watch looks, as 500ms.", valueName: "duration"), transform: Parse.duration)
    var every: Duration = .seconds(1)

    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Redis options") var redis: RedisOptions

    func validate() throws {
        if every < .milliseconds(50) { throw ValidationError("--every is at least 50ms.") }
    }

    func run() async throws {
        try await redis.withClient { client in
            if watch { return try await watch(client) }
            let stats = try await look(client)
            try output.print(
                .object([("queues", .array(stats.map(\.json)))]),
                else: stats.isEmpty ? "no queues yet\n" : StatsTable(stats).text)
        }
    }

    private func look(_ client: StintClient) async throws -> [QueueStats] {
        var all: [QueueStats] = []
        for queue in queues.isEmpty ? try await client.queues() : queues {
            all.append(try await client.stats(of: queue))
        }
        return all
    }

    /// On a terminal it draws over its last picture; elsewhere each look is printed after the other.
    private func watch(_ client: StintClient) async throws {
        let (ticks, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let interrupts = Interrupts { _, nth in
            if nth > 1 { ExitStatus.interrupted.exit() }
            continuation.finish()
        }
        defer { withExtendedLifetime(interrupts) {} }
        let timer = Task {
            while !Task.isCancelled {
                continuation.yield()
                try? await Task.sleep(for: every)
            }
        }
        defer { timer.cancel() }
        var before: (stats: [QueueStats], at: ContinuousClock.Instant)?
        var height = 0
        for await _ in ticks {
            let now = ContinuousClock.now
            let stats = try await look(client)
            let rates = Rates(from: before?.stats ?? [], to: stats, over: before.map { now - $0.at })
            if output.json {
                let object = JSON.object([
                    ("at_ms", .int(Int64(Date().timeIntervalSince1970 * 1000))),
                    ("queues", .array(stats.map { $0.json(rates) })),
                ])
                try Console.write(object.text + "\n")
            } else {
                let lines = stats.isEmpty ? ["no queues yet"] : StatsTable(stats, rates).lines
                try Console.write(
                    Console.isOutputTerminal ? redraw(lines, &height) : lines.joined(separator: "\n") + "\n")
            }
            before = (stats, now)
        }
    }

    private func redraw(_ lines: [String], _ height: inout Int) -> String {
        let width = Console.columns
        var text = height > 0 ? "\u{1B}[\(height)A\r" : ""
        // A line that wraps would be two, and the picture would walk down the screen.
        for line in lines { text += (width > 0 ? String(line.prefix(width - 1)) : line) + "\u{1B}[K\n" }
        height = lines.count
        return text + "\u{1B}[J"
    }
}

/// Jobs that came and went per second, by queue.
struct Rates {
    private var byQueue: [QueueName: (in: Double, out: Double)] = [:]

    init(from old: [QueueStats], to new: [QueueStats], over time: Duration?) {
        guard let time, time > .zero else { return }
        let before = Dictionary(old.map { ($0.name, $0) }) { first, _ in first }
        for stats in new {
            guard let last = before[stats.name] else { continue }
            byQueue[stats.name] = (
                Double(stats.enqueuedTotal - last.enqueuedTotal) / time.inSeconds,
                Double(stats.ackedTotal - last.ackedTotal) / time.inSeconds
            )
        }
    }

    subscript(queue: QueueName) -> (in: Double, out: Double)? { byQueue[queue] }
}

struct StatsTable {
    let lines: [String]

    init(_ all: [QueueStats], _ rates: Rates? = nil) {
        var columns: [(title: String, alignment: Table.Alignment)] = [("QUEUE", .left)]
        columns += ["READY", "SCHEDULED", "LEASED", "DEAD", "DONE"].map { ($0, .right) }
        if rates != nil { columns += [("IN/S", .right), ("DONE/S", .right)] }
        columns += [("OLDEST", .right), ("", .left)]
        var table = Table(columns)
        for stats in all {
            var cells =
                [stats.name.rawValue]
                + [stats.ready, stats.scheduled, stats.leased, stats.dead, stats.ackedTotal].map { String($0) }
            if let rates {
                let rate = rates[stats.name]
                cells += [rate?.in, rate?.out].map { $0.map { String(Int($0.rounded())) } ?? "-" }
            }
            cells += [stats.oldestReady.map(Printable.duration) ?? "-", stats.remarks]
            table.add(cells)
        }
        lines = table.lines
    }

    var text: String { lines.joined(separator: "\n") + "\n" }
}

extension QueueStats {
    fileprivate var remarks: String {
        let order = self.order == .priority ? [] : ["\(self.order)"]
        return (order + (isReordering ? ["reordering"] : []) + (isPaused ? ["paused"] : [])).joined(separator: ", ")
    }

    var json: JSON { json(nil) }

    func json(_ rates: Rates?) -> JSON {
        var members: [(String, JSON)] = [
            ("name", .string(name.rawValue)), ("ready", .int(ready)), ("scheduled", .int(scheduled)),
            ("leased", .int(leased)),
            ("dead", .int(dead)), ("done", .int(done)), ("cancelled", .int(cancelled)),
            ("enqueued_total", .int(enqueuedTotal)),
            ("acked_total", .int(ackedTotal)), ("nacked_total", .int(nackedTotal)), ("lapsed_total", .int(lapsedTotal)),
            ("released_total", .int(releasedTotal)), ("dead_total", .int(deadTotal)),
            ("cancelled_total", .int(cancelledTotal)),
            ("redriven_total", .int(redrivenTotal)), ("paused", .bool(isPaused)), ("order", .string("\(order)")),
            ("reordering", .bool(isReordering)), ("oldest_ready_ms", .ms(oldestReady)),
            ("due_in_ms", .ms(dueIn)), ("lapse_in_ms", .ms(lapseIn)),
        ]
        if let rates {
            members += [
                ("in_per_s", rates[name].map { .double($0.in) } ?? .null),
                ("done_per_s", rates[name].map { .double($0.out) } ?? .null),
            ]
        }
        return .object(members)
    }
}
