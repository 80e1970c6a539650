/// Where a job is. The index that holds its id is its state; nothing else says it again.
public enum JobState: String, Sendable, CaseIterable, Codable {
    case scheduled, ready, leased, done, dead, cancelled
}

/// The life of a job as data: `docs/lifecycle.md` shows the same table, and a test compares the two.
public struct Transition: Hashable, Sendable {
    /// `nil` = the job does not exist yet.
    public let from: JobState?
    public let event: String
    public let script: String
    public let to: JobState

    public static let all: [Transition] = [
        Transition(nil, "enqueue, due now", "enqueue", .ready),
        Transition(nil, "enqueue, due later", "enqueue", .scheduled),
        Transition(.scheduled, "due", "claim", .ready),
        Transition(.scheduled, "due", "promote", .ready),
        Transition(.ready, "claim", "claim", .leased),
        Transition(.ready, "claim after its start-by", "claim", .dead),
        Transition(.leased, "ack", "ack", .done),
        Transition(.leased, "ack with a result", "answer", .done),
        Transition(.leased, "nack with a delay, tries left", "nack", .scheduled),
        Transition(.leased, "nack without delay, tries left", "nack", .ready),
        Transition(.leased, "nack, tries spent, or reject", "nack", .dead),
        Transition(.leased, "nack after a cancel", "nack", .cancelled),
        Transition(.leased, "release", "release", .ready),
        Transition(.leased, "release with a delay", "release", .scheduled),
        Transition(.leased, "release after a cancel", "release", .cancelled),
        Transition(.leased, "lapse, lapses left", "reap", .ready),
        Transition(.leased, "lapse, lapses spent", "reap", .dead),
        Transition(.leased, "lapse after a cancel", "reap", .cancelled),
        Transition(.scheduled, "change, due now", "change", .ready),
        Transition(.ready, "change, due later", "change", .scheduled),
        Transition(.scheduled, "cancel", "cancel", .cancelled),
        Transition(.ready, "cancel", "cancel", .cancelled),
        Transition(.dead, "cancel", "cancel", .cancelled),
        Transition(.dead, "redrive", "redrive", .ready),
        Transition(.cancelled, "redrive", "redrive", .ready),
    ]

    init(_ from: JobState?, _ event: String, _ script: String, _ to: JobState) {
        self.from = from
        self.event = event
        self.script = script
        self.to = to
    }
}
