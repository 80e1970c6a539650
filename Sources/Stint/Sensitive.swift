/// Keeps one value of a payload out of texts: it is encoded as it is, and shown as `<sensitive>`.
///
///     struct Charge: Job {
///         static let type = "card.charge"
///         static var isSensitive: Bool { true }
///         var order: Int
///         @Sensitive var card: String
///     }
///
/// `print(charge)`, `"\(charge)"` and `dump(charge)` show the order and not the card. What is stored has both: mark the type
/// with ``JobPayload/isSensitive`` too, so that the command line does not show it.
@propertyWrapper
public struct Sensitive<Value> {
    public var wrappedValue: Value

    public init(wrappedValue: Value) {
        self.wrappedValue = wrappedValue
    }
}

extension Sensitive: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<sensitive>" }
    public var debugDescription: String { "<sensitive>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Sensitive: Sendable where Value: Sendable {}
extension Sensitive: Equatable where Value: Equatable {}
extension Sensitive: Hashable where Value: Hashable {}

extension Sensitive: Encodable where Value: Encodable {
    public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension Sensitive: Decodable where Value: Decodable {
    public init(from decoder: any Decoder) throws { self.init(wrappedValue: try Value(from: decoder)) }
}

extension KeyedDecodingContainer {
    /// A sensitive optional that is not there is `nil`, as without the wrapper.
    public func decode<Value: Decodable>(_ type: Sensitive<Value?>.Type, forKey key: Key) throws -> Sensitive<Value?> {
        try decodeIfPresent(type, forKey: key) ?? Sensitive(wrappedValue: nil)
    }
}
