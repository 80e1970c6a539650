import Foundation

/// A row of `scale.csv`.
struct ScalePoint {
    enum Axis: String, CaseIterable {
        case waiting, queues, nodes

        var title: String {
            switch self {
            case .waiting: "waiting jobs"
            case .queues: "queues"
            case .nodes: "idle nodes in one process"
            }
        }
    }

    static let header =
        "axis,value,redis_us_per_job,pickup_p50_ms,pickup_p99_ms,lateness_p50_ms,lateness_p99_ms"

    let axis: Axis
    let value: Int
    var redisUs = Double.nan
    var pickUpP50 = Double.nan, pickUpP99 = Double.nan
    var latenessP50 = Double.nan, latenessP99 = Double.nan

    init(axis: Axis, value: Int) {
        self.axis = axis
        self.value = value
    }

    var line: String {
        let figures = [redisUs, pickUpP50, pickUpP99, latenessP50, latenessP99].map { String(format: "%.3f", $0) }
        return ([axis.rawValue, "\(value)"] + figures).joined(separator: ",")
    }

    static func csv(_ points: [ScalePoint]) -> String {
        ([header] + points.map(\.line)).joined(separator: "\n") + "\n"
    }

    static func read(_ path: String) throws -> [ScalePoint] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst()
        return lines.compactMap { line in
            let cells = line.split(separator: ",").map(String.init)
            guard cells.count == 7, let axis = Axis(rawValue: cells[0]), let value = Int(cells[1]) else { return nil }
            let figures = cells.dropFirst(2).map { Double($0) ?? .nan }
            var point = ScalePoint(axis: axis, value: value)
            point.redisUs = figures[0]
            (point.pickUpP50, point.pickUpP99) = (figures[1], figures[2])
            (point.latenessP50, point.latenessP99) = (figures[3], figures[4])
            return point
        }
    }
}

/// Two panels side by side over one logarithmic axis: Redis time per job, and latencies. The colours are readable on white
/// and on black, because a page that shows the picture may be either.
struct ScalePlot {
    private struct Line {
        let name: String
        let colour: String
        let isDashed: Bool
        let value: (ScalePoint) -> Double
    }

    private static let ink = "#7d8590"
    private static let size = (width: 800.0, height: 300.0)
    private static let panel = (width: 320.0, height: 190.0, top: 50.0)

    let axis: ScalePoint.Axis
    let points: [ScalePoint]

    var svg: String {
        let cost = Line(name: "enqueue + claim + ack", colour: "#d9822b", isDashed: false) { $0.redisUs }
        let latencies = [
            Line(name: "pick-up p50", colour: "#2f81f7", isDashed: false) { $0.pickUpP50 },
            Line(name: "pick-up p99", colour: "#2f81f7", isDashed: true) { $0.pickUpP99 },
            Line(name: "lateness p50", colour: "#2da44e", isDashed: false) { $0.latenessP50 },
            Line(name: "lateness p99", colour: "#2da44e", isDashed: true) { $0.latenessP99 },
        ]
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.text(Self.size.width)) \
            \(Self.text(Self.size.height))" font-family="system-ui, sans-serif" font-size="12" fill="\(Self.ink)">
            \(panel(left: 55, title: "Redis µs per job, batch 100", [cost]))
            \(panel(left: 450, title: "ms until the handler starts", latencies))
            </svg>

            """
    }

    private func panel(left: Double, title: String, _ lines: [Line]) -> String {
        let (width, height, top) = (Self.panel.width, Self.panel.height, Self.panel.top)
        let step = Self.step(for: points.flatMap { point in lines.map { $0.value(point) } }.max() ?? 1)
        let most = step * 5
        func y(_ value: Double) -> Double { top + height - height * value / most }
        var parts = [Self.label(title, x: left, y: 18, anchor: "start", weight: "600")]
        for tick in 0...5 {
            let value = step * Double(tick)
            parts.append(Self.rule(left, y(value), left + width, y(value), opacity: tick == 0 ? 0.9 : 0.25))
            parts.append(Self.label(String(format: "%g", value), x: left - 8, y: y(value) + 4, anchor: "end"))
        }
        for point in points {
            parts.append(Self.label(Self.short(point.value), x: x(point, left), y: top + height + 18, anchor: "middle"))
        }
        parts.append(Self.label(axis.title, x: left + width / 2, y: top + height + 38, anchor: "middle"))
        for (index, line) in lines.enumerated() {
            parts.append(draw(line, left: left, y: y))
            let x = left + Double(index) * 84
            if lines.count > 1 {
                parts.append(Self.label(line.name, x: x, y: 38, anchor: "start", colour: line.colour))
                parts.append(Self.stroke("M\(Self.text(x)) 43h66", line.colour, line.isDashed))
            }
        }
        return parts.joined(separator: "\n")
    }

    private func x(_ point: ScalePoint, _ left: Double) -> Double {
        let values = points.map { log10(Double($0.value)) }
        let (least, most) = (values.min() ?? 0, values.max() ?? 1)
        return left + Self.panel.width * (log10(Double(point.value)) - least) / max(0.001, most - least)
    }

    private func draw(_ line: Line, left: Double, y: (Double) -> Double) -> String {
        let places = points.filter { line.value($0).isFinite }.map { (x($0, left), y(line.value($0))) }
        let path = places.enumerated().map { index, place in
            (index == 0 ? "M" : "L") + "\(Self.text(place.0)) \(Self.text(place.1))"
        }.joined()
        let dots = places.map { place in
            "<circle cx=\"\(Self.text(place.0))\" cy=\"\(Self.text(place.1))\" r=\"3\" fill=\"\(line.colour)\"/>"
        }
        return Self.stroke(path, line.colour, line.isDashed) + dots.joined()
    }

    /// A fifth of the axis: a digit times a power of ten, the smallest that has room for everything.
    private static func step(for most: Double) -> Double {
        guard most > 0, most.isFinite else { return 1 }
        let power = pow(10, floor(log10(most / 5)))
        return [1, 2, 3, 4, 5, 10].map { $0 * power }.first { $0 * 5 >= most } ?? power * 10
    }

    private static func stroke(_ path: String, _ colour: String, _ isDashed: Bool) -> String {
        let dashes = isDashed ? " stroke-dasharray=\"5 4\"" : ""
        return "<path d=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"\(dashes)/>"
    }

    private static func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, opacity: Double) -> String {
        "<path d=\"M\(text(x1)) \(text(y1))L\(text(x2)) \(text(y2))\" stroke=\"\(ink)\" stroke-opacity=\"\(opacity)\"/>"
    }

    private static func label(
        _ string: String, x: Double, y: Double, anchor: String, weight: String = "400", colour: String = ink
    ) -> String {
        "<text x=\"\(text(x))\" y=\"\(text(y))\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\" fill=\"\(colour)\">"
            + "\(string)</text>"
    }

    private static func short(_ value: Int) -> String {
        if value >= 1_000_000 { return "\(value / 1_000_000) M" }
        return value >= 1000 ? "\(value / 1000) k" : "\(value)"
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : String(format: "%.1f", value)
    }
}
