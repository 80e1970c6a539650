import Foundation

/// One line of a history: what a process of the laboratory did, or saw, and when.
///
/// `invoke` opens what `ok` (it happened), `fail` (it did not) or `info` (nobody knows) closes.
package struct Event: Codable, Hashable, Sendable {
    package enum Operation: String, Codable, Sendable {
        /// A producer's.
        case enqueue
        /// A node's, for one job each. `run` is the handler; `lost` is a node that gave its lease up.
        case claim, run, settle, lapse, lost
        /// A node's, for itself.
        case node
        /// The laboratory's: a fault that begins or ends, and a process that has ended.
        case fault, exit
    }

    package enum Phase: String, Codable, Sendable {
        case invoke, ok, fail, info
    }

    package var op: Operation
    package var type: Phase
    /// The clock that all processes of the machine share, ns.
    package var mono: Int64
    package var id: String?
    package var token: Int64?
    /// Who: a node's consumer ID, or a producer's name. Of a lapse: who lost the lease.
    package var consumer: String?
    package var serverMs: Int64?
    /// Of an enqueue: not before this time of the server's.
    package var dueMs: Int64?
    /// Of a claim.
    package var failures: Int?
    package var lapses: Int?
    /// Of a settle: ack, retry, …; of a fault or an exit: which one.
    package var how: String?
    package var note: String?

    package init(
        _ op: Operation, _ type: Phase, mono: Int64, id: String? = nil, token: Int64? = nil, consumer: String? = nil,
        serverMs: Int64? = nil, dueMs: Int64? = nil, failures: Int? = nil, lapses: Int? = nil, how: String? = nil,
        note: String? = nil
    ) {
        (self.op, self.type, self.mono, self.id) = (op, type, mono, id)
        (self.token, self.consumer, self.serverMs, self.dueMs) = (token, consumer, serverMs, dueMs)
        (self.failures, self.lapses, self.how, self.note) = (failures, lapses, how, note)
    }

    /// The events of some files, by time. A killed process may leave half a line: it is left out.
    package static func read(_ paths: [String]) -> [Event] {
        let decoder = JSONDecoder()
        var events: [Event] = []
        for path in paths {
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            for line in data.split(separator: UInt8(ascii: "\n")) {
                if let event = try? decoder.decode(Event.self, from: line) { events.append(event) }
            }
        }
        return events.sorted { $0.mono < $1.mono }
    }

    /// One line of JSON with its line end. Not by an encoder: this is written on the event loop of a node under test.
    package var line: String {
        var text = "{\"op\":\"\(op.rawValue)\",\"type\":\"\(type.rawValue)\",\"mono\":\(mono)"
        func add(_ name: String, _ value: String?) {
            if let value { text += ",\"\(name)\":\"\(Self.escaped(value))\"" }
        }
        func add(_ name: String, _ value: (some BinaryInteger)?) {
            if let value { text += ",\"\(name)\":\(value)" }
        }
        add("id", id)
        add("token", token)
        add("consumer", consumer)
        add("serverMs", serverMs)
        add("dueMs", dueMs)
        add("failures", failures)
        add("lapses", lapses)
        add("how", how)
        add("note", note)
        return text + "}\n"
    }

    private static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case "\u{0}"..<"\u{20}": result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
