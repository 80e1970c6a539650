import StintCore
import StintRedis
import StintRuntime
import StintStore
import Synchronization

/// Reads one stream from a place on, by a connection of its own that ends with it. Goes on where it was when that is lost.
final class StreamReader<Place: Sendable, Element: Sendable>: Sendable {
    typealias Command = @Sendable (_ after: Place, _ blockMs: Int64) -> RedisCommand
    typealias Parse = @Sendable (RedisReply, _ after: inout Place) -> [Element]

    private struct State {
        var place: Place
        var waiting: ArraySlice<Element> = []
    }

    private let operation: String
    private let command: Command
    private let parse: Parse
    private let ears: Ears
    private let ear: RedisClient
    private let timer: Signal
    private let state: Mutex<State>

    init(
        _ client: StintClient, _ operation: String, at place: Place, command: @escaping Command, parse: @escaping Parse
    ) {
        self.operation = operation
        self.command = command
        self.parse = parse
        self.ears = client.ears
        self.ear = client.ears.make(client)
        self.timer = Signal(client.store.client.eventLoop)
        self.state = Mutex(State(place: place))
    }

    deinit { ears.close(ear) }

    func next() async throws(StintError) -> Element? {
        while !Task.isCancelled {
            if let element = state.withLock({ $0.waiting.popFirst() }) { return element }
            let command = command(state.withLock { $0.place }, Ears.blockFor.wholeMs)
            do {
                let reply = try await ear.block(command, upTo: Ears.blockFor)
                state.withLock { $0.waiting = parse(reply, &$0.place)[...] }
            } catch {
                if Task.isCancelled || error.code == .closed { return nil }
                let failure = StintError(error, doing: operation)
                guard failure.isPassing else { throw failure }
                // Read again from where it was: nothing is lost by a call that fails.
                await timer.wait(upTo: .milliseconds(200) * Double.random(in: 0.5..<1.5))
            }
        }
        return nil
    }
}
