/// What has to hold a job, besides the server that accepted it, before its enqueue counts as confirmed.
public struct Durability: Hashable, Sendable, CustomStringConvertible {
    /// How many replicas have to have it in their memory.
    public let replicas: Int
    /// How long an enqueue waits for them, each time that it is tried.
    public let within: Duration

    /// - Throws: ``StintError`` with code `invalidArgument`.
    public init(replicas: Int, within: Duration = .seconds(1)) throws(StintError) {
        guard (1...100).contains(replicas), within >= .milliseconds(1), within <= .seconds(3600) else {
            throw .invalidArgument(
                "durability", "\(replicas) replicas within \(within) is out of range",
                advice: "It is 1 to 100 replicas, within 1 ms to an hour.")
        }
        self.replicas = replicas
        self.within = within
    }

    public var description: String { "\(replicas) replica\(replicas == 1 ? "" : "s") within \(within)" }
}
