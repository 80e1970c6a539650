import NIOCore
import Testing

@testable import StintRedis

private struct Probe: Expiring, Equatable {
    let name: String
    var deadline = NIODeadline.distantFuture
}

/// The machine behind a reference: `#expect` cannot call what mutates.
private final class Machine {
    private var machine: ConnectionStateMachine<Probe>

    init(steps: [HandshakeStep]) { machine = ConnectionStateMachine(steps: steps) }

    var state: ConnectionStateMachine<Probe>.State { machine.state }
    var isReady: Bool { machine.isReady }
    func opened() -> [HandshakeStep] { machine.opened() }
    func received(error: (RedisError.Code, message: String)?) -> Action { machine.received(error: error) }
    func write(_ probe: Probe) { machine.write(probe) }
    func drain() -> Bool { machine.drain() }
    func clock(_ now: NIODeadline) -> ConnectionStateMachine<Probe>.ClockAction { machine.clock(now) }
    func closed() -> ConnectionStateMachine<Probe>.Ended? { machine.closed() }
}

private typealias Action = ConnectionStateMachine<Probe>.ReplyAction

/// As above.
private final class LinkMachine {
    private var machine: LinkStateMachine

    init(policy: ReconnectPolicy) { machine = LinkStateMachine(policy: policy) }

    var hasBeenUp: Bool { machine.hasBeenUp }
    func demand() -> Bool { machine.demand() }
    func retryDue() -> Bool { machine.retryDue() }
    func ready(_ now: NIODeadline) -> LinkStateMachine.Outage? { machine.ready(now) }
    func close() -> Bool { machine.close() }

    func down(
        _ now: NIODeadline,
        wanted: Bool,
        expected: Bool,
        random: Double
    ) -> (next: LinkStateMachine.Next, began: Bool) {
        machine.down(now, wanted: wanted, expected: expected, random: random)
    }
}

private func missed(_ what: Comment) {
    Issue.record(what)
}

struct ConnectionStateMachineTests {
    private func ready(_ steps: [HandshakeStep] = [.ping]) -> Machine {
        let machine = Machine(steps: steps)
        _ = machine.opened()
        for _ in steps { _ = machine.received(error: nil) }
        return machine
    }

    private func completed(_ action: Action) -> (name: String, closes: Bool)? {
        switch action {
        case .complete(let probe): (probe.name, false)
        case .completeAndClose(let probe): (probe.name, true)
        case .nothing, .becomeReady, .fail: nil
        }
    }

    private func failure(_ action: Action) -> RedisError? {
        if case .fail(let error) = action { error } else { nil }
    }

    @Test func `a connection is ready after the reply to the last step`() {
        let machine = Machine(steps: [.auth(username: nil, password: Secret("p")), .select(database: 1), .ping])
        #expect(machine.opened().count == 3)
        for next in 1...2 {
            guard case .nothing = machine.received(error: nil) else { return missed("ready too early") }
            #expect(machine.state == .handshaking(next: next))
        }
        guard case .becomeReady = machine.received(error: nil) else { return missed("not ready") }
        #expect(machine.isReady)
    }

    @Test func `a step that is refused fails the connection, and says which`() {
        let steps: [HandshakeStep] = [.auth(username: "u", password: Secret("p")), .select(database: 7), .ping]
        let errors: [(RedisError.Code, RedisError.Code, String)] = [
            (.wrongPass, .wrongPass, "log in"), (.other("ERR"), .other("ERR"), "select database 7"),
            (.loading, .loading, "connect"),
        ]
        for (index, expected) in errors.enumerated() {
            let machine = Machine(steps: steps)
            _ = machine.opened()
            for _ in 0..<index { _ = machine.received(error: nil) }
            let error = failure(machine.received(error: (expected.0, "text")))
            #expect(error?.code == expected.1)
            #expect(error?.operation == expected.2)
        }
    }

    @Test func `a password that the server does not want is a wrong password`() {
        let machine = Machine(steps: [.auth(username: nil, password: Secret("p"))])
        _ = machine.opened()
        #expect(
            failure(machine.received(error: (.other("ERR"), "ERR AUTH called without a password configured")))?.code
                == .wrongPass)
    }

    @Test func `a name or a PING that is not permitted does not matter`() {
        let machine = Machine(steps: [.setName("n"), .ping])
        _ = machine.opened()
        _ = machine.received(error: (.noPermission, ""))
        guard case .becomeReady = machine.received(error: (.noPermission, "")) else { return missed("not ready") }
    }

    @Test func `a server that is full says so before it is asked`() {
        let machine = Machine(steps: [.ping])
        #expect(
            failure(machine.received(error: (.connectFailed, "ERR max number of clients reached")))?.code
                == .connectFailed)
    }

    @Test func `replies go to requests in the order of writing, errors too`() {
        let machine = ready()
        for name in ["a", "b", "c"] { machine.write(Probe(name: name)) }
        #expect(completed(machine.received(error: nil))?.name == "a")
        #expect(completed(machine.received(error: (.wrongType, "")))?.name == "b")
        #expect(completed(machine.received(error: nil))?.name == "c")
        #expect(machine.isReady)
    }

    @Test func `a reply that nobody asked for fails the connection`() {
        let machine = ready()
        #expect(failure(machine.received(error: nil))?.code == .protocolError)
    }

    @Test(arguments: [RedisError.Code.readOnly, .masterDown])
    func `an error that drops the connection lets the replies that are due come in first`(_ code: RedisError.Code)
        throws
    {
        let machine = ready()
        machine.write(Probe(name: "a"))
        machine.write(Probe(name: "b"))
        #expect(try #require(completed(machine.received(error: (code, "")))) == ("a", false))
        #expect(machine.state == .draining)
        #expect(!machine.isReady)
        #expect(try #require(completed(machine.received(error: nil))) == ("b", true))

        let alone = ready()
        alone.write(Probe(name: "a"))
        #expect(try #require(completed(alone.received(error: (code, "")))) == ("a", true))
    }

    @Test func `draining waits for what was written`() throws {
        let machine = ready()
        machine.write(Probe(name: "a"))
        #expect(!machine.drain())
        #expect(try #require(completed(machine.received(error: nil))) == ("a", true))
        let idle = ready()
        #expect(idle.drain())
        let connecting = Machine(steps: [.ping])
        #expect(connecting.drain())
    }

    @Test func `the clock finds the earliest deadline, wherever it is`() {
        let machine = ready()
        let start = NIODeadline.uptimeNanoseconds(1000)
        machine.write(Probe(name: "a", deadline: start + .seconds(10)))
        machine.write(Probe(name: "b", deadline: start + .seconds(1)))
        guard case .nothing(let next) = machine.clock(start) else { return missed("too early") }
        #expect(next == start + .seconds(1))
        guard case .timedOut = machine.clock(start + .seconds(1)) else { return missed("too late") }
        guard case .nothing(nil) = ready().clock(start) else { return missed("nothing to wait for") }
    }

    @Test func `the end returns what was never answered, once`() {
        let machine = ready()
        machine.write(Probe(name: "a"))
        machine.write(Probe(name: "b"))
        _ = machine.received(error: nil)
        let ended = machine.closed()
        #expect(ended?.requests.map(\.name) == ["b"])
        #expect(ended?.wasReady == true)
        #expect(machine.closed() == nil)
        #expect(completed(machine.received(error: nil)) == nil)
        let early = Machine(steps: [.ping])
        #expect(early.closed()?.wasReady == false)
    }
}

struct LinkStateMachineTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000)
    private var policy: ReconnectPolicy { ReconnectPolicy() }

    private func up(_ at: NIODeadline) -> LinkMachine {
        let machine = LinkMachine(policy: policy)
        _ = machine.demand()
        _ = machine.ready(at)
        return machine
    }

    @Test func `a link connects on demand, once`() {
        let machine = LinkMachine(policy: policy)
        #expect(machine.demand())
        #expect(!machine.demand())
        #expect(machine.ready(start) == nil)
        #expect(!machine.demand())
        #expect(machine.hasBeenUp)
    }

    @Test func `waits double up to the cap, times a random number`() {
        #expect(policy.delay(afterFailures: 1, random: 1) == .milliseconds(20))
        #expect(policy.delay(afterFailures: 0, random: 1) == .milliseconds(20))
        #expect(policy.delay(afterFailures: 2, random: 1) == .milliseconds(40))
        #expect(policy.delay(afterFailures: 4, random: 0.5) == .milliseconds(80))
        #expect(policy.delay(afterFailures: 8, random: 1) == .seconds(2))
        #expect(policy.delay(afterFailures: 1_000_000_000, random: 1) == .seconds(2))
        #expect(policy.delay(afterFailures: 5, random: 0) == .zero)
    }

    @Test func `an outage begins once and ends with its duration and attempts`() {
        let machine = up(start)
        let lost = machine.down(start + .seconds(10), wanted: true, expected: false, random: 1)
        #expect(lost == (.retry(after: .milliseconds(20)), true))
        for wait in [40, 80] {
            #expect(machine.retryDue())
            let again = machine.down(start + .seconds(11), wanted: true, expected: false, random: 1)
            #expect(again == (.retry(after: .milliseconds(wait)), false))
        }
        #expect(machine.retryDue())
        #expect(machine.ready(start + .seconds(13)) == .init(duration: .seconds(3), attempts: 3))
    }

    @Test func `a connection that does not last does not clear the count of failures`() {
        let machine = up(start)
        var waits: [Duration] = []
        for _ in 0..<3 {
            if case .retry(let wait) = machine.down(start + .seconds(1), wanted: true, expected: false, random: 1).next
            {
                waits.append(wait)
            }
            _ = machine.retryDue()
            _ = machine.ready(start + .seconds(1))
        }
        #expect(waits == [.milliseconds(20), .milliseconds(40), .milliseconds(80)])
        let lasted = machine.down(start + .seconds(3), wanted: true, expected: false, random: 1)
        #expect(lasted.next == .retry(after: .milliseconds(20)))
    }

    @Test func `a link that nobody needs rests, and connects at the next demand`() {
        let machine = up(start)
        #expect(machine.down(start, wanted: false, expected: true, random: 1) == (.rest, false))
        #expect(machine.demand())
    }

    @Test func `an expected end is no outage`() {
        let machine = up(start)
        #expect(machine.down(start + .seconds(9), wanted: true, expected: true, random: 1).began == false)
        #expect(machine.retryDue())
        #expect(machine.ready(start + .seconds(9)) == nil)
    }

    @Test func `a closed link stays closed`() {
        let machine = up(start)
        #expect(machine.close())
        #expect(!machine.close())
        #expect(!machine.demand())
        #expect(!machine.retryDue())
        #expect(machine.down(start, wanted: true, expected: false, random: 1) == (.rest, false))
    }
}
