import Synchronization

/// What concurrent tasks gather.
final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }
    var count: Int { elements.withLock { $0.count } }

    func append(_ element: Element) {
        elements.withLock { $0.append(element) }
    }
}
