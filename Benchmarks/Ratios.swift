import Foundation

/// What is compared between runs: ratios and counts, which do not depend on how fast the machine is today. Times are not
/// among them, nor are percentiles of times: their noise is larger than what is looked for.
/// Less is better with all of them.
enum Ratio: Hashable, Comparable {
    case cost(batch: Int)
    case steadyCost
    case memory, nodeMemory, nodeCPU, producerCPU, oneByOneCPU, enqueueCalls, loneEnqueue
    case claims(nodes: Int)
    case idle(nodes: Int)

    var name: String {
        switch self {
        case .cost(let batch): "redis_time_to_bare_batch_\(batch)"
        case .steadyCost: "redis_time_to_bare_batch_100_steady"
        case .memory: "redis_bytes_per_job_beyond_payload"
        case .nodeMemory: "node_megabytes_with_1000_in_flight"
        case .nodeCPU: "node_cpu_per_job_to_bare"
        case .producerCPU: "producer_cpu_per_job_to_bare"
        case .oneByOneCPU: "one_by_one_node_cpu_per_job_to_bare"
        case .enqueueCalls: "redis_calls_per_enqueue_of_64_callers"
        case .loneEnqueue: "lone_enqueue_in_pings"
        case .claims(let nodes): "claims_per_job_with_\(nodes)_nodes"
        case .idle(let nodes): "commands_per_second_and_idle_node_of_\(nodes)"
        }
    }

    var measure: Measure {
        switch self {
        case .cost, .steadyCost: .cost
        case .memory: .memory
        case .nodeMemory: .inflight
        case .nodeCPU, .producerCPU: .throughput
        case .oneByOneCPU: .oneByOne
        case .enqueueCalls, .loneEnqueue: .enqueue
        case .claims: .pickup
        case .idle: .idle
        }
    }
}

/// The ratios of a committed run.
struct RatioFile {
    struct Change {
        let ratio: Ratio
        /// `nil` = the file does not have it.
        let was: Double?
        let now: Double

        /// More than 10 % worse.
        var isWorse: Bool {
            was.map { now > $0 * 1.1 } ?? false
        }
    }

    let values: [String: Double]

    init(_ ratios: [Ratio: Double]) {
        values = Dictionary(uniqueKeysWithValues: ratios.map { ($0.key.name, ($0.value * 1000).rounded() / 1000) })
    }

    private init(values: [String: Double]) { self.values = values }

    static func read(_ path: String) throws -> RatioFile {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return RatioFile(values: try JSONDecoder().decode([String: Double].self, from: data))
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        var data = try encoder.encode(values)
        data.append(UInt8(ascii: "\n"))
        try data.write(to: URL(fileURLWithPath: path))
    }

    /// What this run measured, beside what is in the file.
    func changes(to ratios: [Ratio: Double]) -> [Change] {
        ratios.sorted { $0.key < $1.key }.map { Change(ratio: $0.key, was: values[$0.key.name], now: $0.value) }
    }

    static func print(_ changes: [Change]) {
        Swift.print("\n| ratio | committed | now | |\n|---|---|---|---|")
        for change in changes {
            let was = change.was.map { Report.text($0) } ?? "-"
            let mark = change.was == nil ? "new" : change.isWorse ? "WORSE by more than 10 %" : ""
            Swift.print("| \(change.ratio.name) | \(was) | \(Report.text(change.now)) | \(mark) |")
        }
    }
}
