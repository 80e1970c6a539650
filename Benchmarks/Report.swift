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

    private(set) var rows: [Row] = []
    private(set) var ratios: [Ratio: Double] = [:]

    var isGood: Bool { rows.allSatisfy { $0.target?.holds($0.value) ?? true } }

    mutating func add(_ name: String, _ value: Double, _ unit: String, _ target: Target? = nil, ratio: Ratio? = nil) {
        rows.append(Row(name: name, value: value, unit: unit, target: target))
        if let ratio { ratios[ratio] = value }
        note("  \(name): \(Self.text(value)) \(unit)")
    }

    mutating func keepBetterRatios(of other: Report) {
        ratios.merge(other.ratios, uniquingKeysWith: min)
    }

    func printTable() {
        print("\n| what | measured | to reach | |\n|---|---|---|---|")
        for row in rows {
            let target =
                switch row.target {
                case .atMost(let bound): "≤ \(Self.bound(bound))"
                case .atLeast(let bound): "≥ \(Self.bound(bound))"
                case nil: ""
                }
            let mark = row.target.map { $0.holds(row.value) ? "reached" : "MISSED" } ?? ""
            let measured = Self.text(row.value) + (row.unit.isEmpty ? "" : " " + row.unit)
            print("| \(row.name) | \(measured) | \(target) | \(mark) |")
        }
    }

    static func text(_ value: Double) -> String {
        if value < 1000 { return String(format: value >= 100 ? "%.1f" : "%.2f", value) }
        return value.isFinite ? grouped(Int(value.rounded())) : "-"
    }

    private static func bound(_ value: Double) -> String {
        value == value.rounded() ? grouped(Int(value)) : String(format: "%g", value)
    }

    private static func grouped(_ value: Int) -> String {
        value < 1000 ? "\(value)" : grouped(value / 1000) + "," + String(format: "%03d", value % 1000)
    }
}
