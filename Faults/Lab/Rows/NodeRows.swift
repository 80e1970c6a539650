import FaultChecker
import Stint
import StintCore
import StintStore

/// F1 to F7: what happens to nodes.
extension Row {
    static let nodeRows = [killed, killedAtSteps, frozenLong, frozenShort, starved, poisoned, deployed]

    private static let killed = Row(
        "F1", "kill -9 of nodes in the middle of their runs, again and again", isShort: true
    ) { lab in
        try await lab.startServer()
        try await lab.nodes(3)
        try await lab.produce(1000, "slow:40=3,noop", rate: 130)
        for _ in 0..<7 {
            try await lab.wait(lab.random(ms: 600...1300))
            try await lab.kill(lab.pick(lab.living))
            try await lab.node()
        }
        try await lab.drain()
        return .with { ($0.recovery, $0.leastLapses) = (.seconds(5), 1) }
    }

    private static let killedAtSteps = Row(
        "F2", "kill -9 between claim and start, between end and ack, and after the ack", isShort: true
    ) { lab in
        try await lab.startServer()
        try await lab.node()
        lab.keepAlive(3) { lab in
            .with { $0.death = (lab.pick(["claimed", "began", "ended", "settled"]), lab.random(5...30)) }
        }
        try await lab.produce(600, "slow:20=3,noop", rate: 100)
        try await lab.drain()
        return .with { ($0.recovery, $0.leastLapses) = (.seconds(5), 1) }
    }

    private static let frozenLong = Row("F3", "SIGSTOP of a node for longer than its lease", isShort: true) { lab in
        try await lab.startServer()
        try await lab.nodes(3)
        try await lab.produce(240, "slow:400,stubborn:400", rate: 20, "--batch", "2")
        for _ in 0..<3 {
            try await lab.wait(lab.random(ms: 300...900))
            let node = try await lab.freezeBusy()
            try await lab.wait(.milliseconds(3200))
            lab.thaw(node)
        }
        try await lab.drain()
        return .with { ($0.recovery, $0.leastLapses, $0.leastRefusals) = (.seconds(5), 3, 1) }
    }

    private static let frozenShort = Row("F4", "SIGSTOP of a node for a third of its lease") { lab in
        try await lab.startServer()
        try await lab.nodes(3, .with { $0.lease = .seconds(6) })
        try await lab.produce(400, "slow:150", rate: 40, "--batch", "4")
        for _ in 0..<4 {
            let node = try await lab.freezeBusy()
            try await lab.wait(.seconds(2))
            lab.thaw(node)
            try await lab.wait(lab.random(ms: 100...600))
        }
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let starved = Row("F5", "handlers that block or burn every thread of the pool") { lab in
        try await lab.startServer()
        try await lab.nodes(2, .with { ($0.lease, $0.concurrency) = (.seconds(6), 8) })
        try await lab.produce(40, "block:1500,busy:600", "--batch", "8")
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let poisoned = Row("F6", "jobs whose handlers trap or segfault, among healthy ones") { lab in
        try await lab.startServer()
        lab.keepAlive(3) { _ in .with { ($0.maxLapses, $0.concurrency) = (Defaults.maxLapses, 8) } }
        try await lab.produce(300, "slow:30,noop", rate: 40)
        try await lab.wait(.seconds(1))
        // In one call, so that healthy ones are claimed together with them.
        try await lab.produce(24, "slow:30=9,trap=2,segv", "--batch", "24")
        try await lab.drain()
        let ids = try await lab.client.inspector.ids(.dead, on: Lab.queue, limit: 1000)
        let types = try await lab.client.inspector.jobs(ids, on: Lab.queue).map { $0.header?.type.rawValue }
        let poison = types.count { $0 == "trap" || $0 == "segv" }
        lab.note("\(poison) poison jobs buried, and \(types.count - poison) that were healthy")
        if poison == 0 { throw Broken("no job that kills its nodes was buried") }
        if types.count > poison {
            lab.accuse("\(types.count - poison) healthy jobs were buried with the poison that was claimed with them")
        }
        return .with { ($0.recovery, $0.leastLapses) = (.seconds(5), 3 * poison) }
    }

    private static let deployed = Row("F7", "SIGTERM of one node after the other", isShort: true) { lab in
        try await lab.startServer()
        try await lab.nodes(3)
        try await lab.produce(900, "slow:100", rate: 90)
        for _ in 0..<6 {
            try await lab.wait(.seconds(1))
            try await lab.node()
            try await lab.terminate(lab.living[0])
        }
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }
}
