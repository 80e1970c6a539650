/// Which of the ready jobs of a queue run first. `docs/ordering.md` has the rules and their bounds.
public enum QueueOrder: Hashable, Sendable {
    /// The higher priority first, and in each who became ready first. The default.
    case priority
    /// As by priority, but one step of it is worth only so much waiting, so that nothing starves: a job of priority p is
    /// overtaken by jobs of a higher priority q only when they become ready less than (q - p) times this after it. From 1 ms
    /// to 30 days, in whole ms.
    case aged(Duration)
    /// Who became ready first, whatever the priority.
    case fifo
    /// Who became ready last.
    case lifo
    /// Each claim draws from all that are ready.
    case random
    /// The earliest deadline first; jobs without one after all others. A deadline is only for the order: a job that misses it
    /// runs all the same.
    case deadline
    /// The shortest estimate first, which is the job's own, or what nodes have learned of its type; jobs of which neither is
    /// known after all others. Long jobs starve as long as shorter ones keep coming.
    case shortest

    static let longestStep = Duration.seconds(30 * 86_400)

    /// As people write it: `fifo`, `aged:30s`.
    ///
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(parsing text: String) throws(StintError) {
        let order: QueueOrder? =
            text.hasPrefix("aged:")
            ? try .aged(Duration(parsing: String(text.dropFirst(5)))) : Self.plain.first { $0.name == text }
        guard let order else {
            throw .invalidArgument(
                "order", "\(Name.quoted(text)) is not an order",
                advice: "It is priority, aged:30s (any duration), fifo, lifo, random, deadline or shortest.")
        }
        try order.validate()
        self = order
    }

    /// - Throws: ``StintError`` with code `invalidArgument`.
    package func validate() throws(StintError) {
        if case .aged(let step) = self, step < .milliseconds(1) || step > Self.longestStep {
            throw .invalidArgument(
                "order", "a step of \(step) is out of range", advice: "It is from 1 ms to 30 days.")
        }
    }

    /// As the settings of a queue have it; `nil` = the default, which is not written.
    package var setting: String? {
        switch self {
        case .priority: nil
        case .aged(let step): "aged:\(step.wholeMs)"
        default: name
        }
    }

    /// Reads what scripts know the order as. What they do not know they take for the default.
    package init(setting: String) {
        if setting.hasPrefix("aged:"), let ms = Int64(setting.dropFirst(5).prefix { $0 != ":" }) {
            self = .aged(.milliseconds(ms))
        } else {
            self = Self.plain.first { $0.name == setting } ?? .priority
        }
    }

    private static let plain: [QueueOrder] = [.priority, .fifo, .lifo, .random, .deadline, .shortest]

    /// Its name alone.
    package var name: String {
        switch self {
        case .priority: "priority"
        case .aged: "aged"
        case .fifo: "fifo"
        case .lifo: "lifo"
        case .random: "random"
        case .deadline: "deadline"
        case .shortest: "shortest"
        }
    }
}

extension QueueOrder: CustomStringConvertible {
    /// As ``init(parsing:)`` reads it.
    public var description: String {
        guard case .aged(let step) = self else { return name }
        let ms = step.wholeMs
        return ms % 1000 == 0 ? "aged:\(ms / 1000)s" : "aged:\(ms)ms"
    }
}
