/// Who holds a lease: the node's name and a nonce drawn at every start, so that a restarted node is never mistaken for its
/// past self. Written `name/nonce`.
public struct ConsumerID: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let nonce: String

    /// - Throws: ``StintError`` with code `invalidArgument` when the name is empty, longer than 100 bytes, or holds anything
    ///   but printable ASCII, or a `/`.
    public init(name: String) throws(StintError) {
        guard (1...100).contains(name.utf8.count),
            name.utf8.allSatisfy({ Name.isPrintable($0) && $0 != UInt8(ascii: "/") })
        else {
            throw .invalidArgument(
                "node name",
                "\(Name.quoted(name)) is not a node name",
                advice: "Use 1 to 100 printable ASCII characters without spaces and '/'."
            )
        }
        self.name = name
        self.nonce = Nonce.draw()
    }

    /// Reads what ``description`` wrote.
    package init?(parsing text: some StringProtocol) {
        guard let slash = text.lastIndex(of: "/"), slash != text.startIndex else { return nil }
        self.name = String(text[..<slash])
        self.nonce = String(text[text.index(after: slash)...])
    }

    public var description: String { name + "/" + nonce }
}
