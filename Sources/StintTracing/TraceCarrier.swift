import Foundation
import Tracing

/// What a tracer gives along with a job, as the text that is stored with it: `<traceparent>[,<name>=<value>…]`, names and
/// values percent-encoded. With tracers that speak W3C it is the `traceparent` and nothing else, for most traces.
package struct TraceCarrier: Sendable {
    private static let parentName = "traceparent"
    /// The stored header line is bounded; who has more than this loses all but the parent.
    package static let longest = 512

    package var fields: [String: String] = [:]

    package init() {}

    package init(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        if let parent = parts.first, !parent.isEmpty { fields[Self.parentName] = parent.removingPercentEncoding }
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let name = pair[0].removingPercentEncoding else { continue }
            fields[name] = pair[1].removingPercentEncoding
        }
    }

    /// `nil` = there is nothing to be stored, or too much.
    package var text: String? {
        let parent = fields[Self.parentName].map(Self.encoded) ?? ""
        let rest = fields.filter { $0.key != Self.parentName }.sorted { $0.key < $1.key }
            .map { ",\(Self.encoded($0.key))=\(Self.encoded($0.value))" }.joined()
        return [parent + rest, parent].first { (1...Self.longest).contains($0.utf8.count) }
    }

    private static func encoded(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}

struct CarrierFields: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout TraceCarrier) { carrier.fields[key] = value }
    func extract(key: String, from carrier: TraceCarrier) -> String? { carrier.fields[key] }
}
