public import Foundation
public import StintCore

/// A node as the register knows it: what it said of itself in its last beat.
public struct NodeInfo: Sendable {
    public enum State: String, Sendable {
        case working
        /// It claims nothing more, and finishes what it holds.
        case quiet
        /// It stops as soon as what it runs has ended.
        case stopping
    }

    /// Nodes beat every 10 seconds, give or take half of it.
    private static let silentAfter = Duration.seconds(35)

    public let consumer: ConsumerID
    public let lastBeatAgo: Duration
    private let about: About

    public var name: String { consumer.name }
    public var state: State { about.state.flatMap(State.init(rawValue:)) ?? .working }
    /// It has not been heard of for 35 s: killed, frozen or cut off.
    public var isLost: Bool { lastBeatAgo > Self.silentAfter }
    public var host: String? { about.host }
    public var pid: Int64? { about.pid }
    /// The version of its program.
    public var build: String? { about.build }
    public var queues: [String] { about.queues ?? [] }
    public var labels: [String] { about.labels ?? [] }
    /// The types of jobs that it has handlers for; `nil` = every type.
    public var types: [String]? { about.types }
    /// How many jobs it runs at the same time.
    public var concurrency: Int { about.concurrency ?? 0 }
    /// How many jobs it holds.
    public var running: Int { about.running ?? 0 }
    /// How many handlers it has given up, since it started, because they ignored their cancellation.
    public var abandoned: Int { about.abandoned ?? 0 }
    public var lease: Duration? { about.leaseMs.map { .milliseconds($0) } }
    /// By its own clock.
    public var startedAt: Date? { about.startedMs.map { Date(timeIntervalSince1970: Double($0) / 1000) } }

    /// Every part may be missing, where another version wrote it.
    private struct About: Decodable {
        var host: String?
        var pid: Int64?
        var build: String?
        var queues: [String]?
        var concurrency: Int?
        var running: Int?
        var leaseMs: Int64?
        var startedMs: Int64?
        var state: String?
        var labels: [String]?
        var types: [String]?
        var abandoned: Int?
    }

    package init(_ entry: NodeEntry) {
        consumer = entry.consumer
        lastBeatAgo = entry.lastBeatAgo
        about = (try? JSONDecoder().decode(About.self, from: Data(entry.about.utf8))) ?? About()
    }
}

/// Which nodes. What is left out does not matter, so an empty filter is all of them.
public struct NodeFilter: Sendable {
    /// Names, or whole consumer IDs. Empty = any.
    public var names: Set<String>
    public var build: String?
    /// One that they work on.
    public var queue: QueueName?

    public static let all = NodeFilter()

    public init(names: Set<String> = [], build: String? = nil, queue: QueueName? = nil) {
        self.names = names
        self.build = build
        self.queue = queue
    }

    public func matches(_ node: NodeInfo) -> Bool {
        if !names.isEmpty, !names.contains(node.name), !names.contains(node.consumer.description) { return false }
        if let build, node.build != build { return false }
        if let queue, !node.queues.contains(queue.rawValue) { return false }
        return true
    }
}
