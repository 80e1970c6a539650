import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM as calls, for as long as this object lives.
///
/// Signal sources run on a thread of their own: also when every thread of the cooperative pool is blocked, the second
/// Ctrl-C is heard.
final class Interrupts {
    private let sources: [any DispatchSourceSignal]

    /// - Parameter handler: gets the signal's number and which one it is, from 1.
    init(_ handler: @escaping @Sendable (_ number: Int32, _ nth: Int) -> Void) {
        let queue = DispatchQueue(label: "stint.signals")
        let heard = Heard()
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { handler(number, heard.next()) }
            source.resume()
            return source
        }
    }

    deinit {
        for source in sources { source.cancel() }
        for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }

    private final class Heard: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }
}
