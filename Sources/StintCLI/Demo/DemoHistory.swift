import Foundation

/// What the nodes of the demo wrote down: one line of JSON for each event.
struct DemoHistory {
    struct Event: Decodable {
        let event: String
        let at_ms: Int64
        let consumer: String
        let job: String?
        let token: Int64?
        let attempt: Int?
        let settle: String?
        let lost_token: Int64?
        let lost_consumer: String?
    }

    private(set) var events: [Event] = []

    /// - Parameter paths: files that may not exist, or end in half a line, as those of a killed node do.
    init(_ paths: [String]) {
        let decoder = JSONDecoder()
        for path in paths {
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            for line in data.split(separator: UInt8(ascii: "\n")) {
                if let event = try? decoder.decode(Event.self, from: line) { events.append(event) }
            }
        }
    }

    func of(_ name: String) -> [Event] { events.filter { $0.event == name } }
}

/// One line that a worker wrote: a run that came to its end.
struct DemoResult {
    let job: String
    let token: Int64
    let hash: String

    static func read(_ path: String) -> [DemoResult] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 3, let token = Int64(parts[1]) else { return nil }
            return DemoResult(job: String(parts[0]), token: token, hash: String(parts[2]))
        }
    }
}
