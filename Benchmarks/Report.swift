import Foundation

/// The figures of one run, each beside what it is to reach.
struct Report {
    struct Row {
        let name: String
        let value: Double
        let unit: String
        /// At most, or at least; `nil` = for comparison only.
        let target: Target?
    }

    enum Target {
        case atMost(Double), atLeast(Double)

        func holds(_ value: Double) -> Bool {
            switch self {
            case .atMost(let bound): value <= bound
            case .atLeast(let bound): value >= bound
            }
        }
    }

    let jobs: Int
    private(set) var rows: [Row] = []

    init(jobs: Int) {
        self.jobs = jobs
    }

    var isGood: Bool { rows.allSatisfy { $0.target?.holds($0.value) ?? true } }

    mutating func add(_ name: String, _ value: Double, _ unit: String, _ target: Target? = nil) {
        rows.append(Row(name: name, value: value, unit: unit, target: target))
        FileHandle.standardError.write(Data("  \(name): \(Self.text(value)) \(unit)\n".utf8))
    }

    func printTable() {
        print("\n| what | measured | target | |\n|---|---|---|---|")
        for row in rows {
            let target =
                switch row.target {
                case .atMost(let bound): "≤ \(Self.text(bound))"
                case .atLeast(let bound): "≥ \(Self.text(bound))"
                case nil: ""
                }
            let mark = row.target.map { $0.holds(row.value) ? "reached" : "MISSED" } ?? ""
            print("| \(row.name) | \(Self.text(row.value)) \(row.unit) | \(target) | \(mark) |")
        }
    }

    static func text(_ value: Double) -> String {
        value >= 1000
            ? String(format: "%.0f", value)
            : value >= 100 ? String(format: "%.1f", value) : String(format: "%.2f", value)
    }
}

extension [Double] {
    /// The value below which the share `rank` of the samples lies (nearest rank).
    func percentile(_ rank: Double) -> Double {
        let sorted = self.sorted()
        return sorted.isEmpty ? .nan : sorted[Swift.min(count - 1, Int((Double(count) * rank).rounded(.up)) - 1)]
    }
}
