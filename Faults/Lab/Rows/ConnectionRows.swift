import FaultChecker
import StintCore
import StintLocal
import StintTesting

/// F14 to F19: what happens to scripts and connections.
extension Row {
    static let connectionRows = [flushed, clientsKilled, repliesLost, slowNetwork, partitioned, deaf]

    private static let flushed = Row("F14", "SCRIPT FLUSH ten times a second", isShort: true) { lab in
        try await lab.startServer()
        try await lab.nodes(3)
        try await lab.produce(600, "slow:20=2,noop,fail:1", rate: 120)
        for _ in 0..<60 {
            try await lab.redis("SCRIPT", "FLUSH")
            try await lab.wait(.milliseconds(100))
        }
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let clientsKilled = Row("F15", "CLIENT KILL of all connections, again and again", isShort: true) {
        lab in
        try await lab.startServer()
        try await lab.nodes(3, .with { $0.lease = .seconds(5) })
        try await lab.produce(700, "slow:30=2,noop", rate: 100)
        for _ in 0..<10 {
            try await lab.wait(lab.random(ms: 300...1000))
            try await lab.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        }
        try await lab.drain()
        return .with { $0.recovery = .seconds(8) }
    }

    private static let repliesLost = Row(
        "F16", "requests arrive, their replies do not, then the connection is reset", isShort: true
    ) { lab in
        try await lab.startServer()
        let proxy = try await lab.proxy()
        try await lab.nodes(3, .with { ($0.lease, $0.url) = (.seconds(10), proxy.url) })
        try await lab.produce(600, "slow:20=2,noop,fail:1", rate: 90, url: proxy.url)
        for _ in 0..<12 {
            try await lab.wait(lab.random(ms: 200...600))
            proxy.set { $0.replies.isLost = true }
            try await lab.wait(lab.random(ms: 30...150))
            proxy.cut()
            proxy.heal()
        }
        try await lab.drain()
        lab.note("\(proxy.lostBytes) bytes of replies lost")
        if proxy.lostBytes == 0 { throw Broken("no reply was lost") }
        return .with { $0.duplicates = .none }
    }

    private static let slowNetwork = Row("F17", "latency of 50 to 200 ms with jitter; 5 % of packets lost") { lab in
        let namespace = Machine.Need.namespaces.missing == nil ? try await Namespace.make(lab) : nil
        try await lab.startServer(
            .init(persistence: .aofEverysec, listensOnTCP: true, configuration: namespace?.configuration ?? []))
        let proxy = try await lab.proxy()
        proxy.set { behaviour in
            (behaviour.requests.latency, behaviour.requests.jitter) = (.milliseconds(25), .milliseconds(75))
            behaviour.replies = behaviour.requests
        }
        let patient = NodePlan.with { ($0.lease, $0.concurrency) = (Defaults.lease, 16) }
        try await lab.nodes(2, .with { ($0, $0.url) = (patient, proxy.url) })
        if let namespace {
            for way in [Namespace.Way.requests, .replies] { try await namespace.drop(way, probability: 0.05) }
            try await lab.nodes(2, .with { ($0, $0.url, $0.namespace) = (patient, namespace.url, namespace) })
        } else {
            lab.note("without lost packets: that takes network namespaces")
        }
        try await lab.produce(800, "slow:30=2,noop,fail:1", rate: 100, url: proxy.url)
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let partitioned = Row("F18", "partition of a node for longer than its lease") { lab in
        try await lab.cutOff { partition in
            try await partition.drop([.requests, .replies])
        }
    }

    private static let deaf = Row("F19", "one-way partition: requests arrive, replies do not") { lab in
        try await lab.cutOff { partition in
            try await partition.drop([.replies])
        }
    }
}

/// What cuts nodes off: a firewall where the machine has one to spare, else a proxy.
private enum Partition {
    case firewall(Namespace)
    case proxy(FaultProxy)

    func drop(_ ways: [Namespace.Way]) async throws {
        for way in ways {
            switch self {
            case .firewall(let namespace): try await namespace.drop(way)
            case .proxy(let proxy):
                proxy.set { way == .requests ? ($0.requests.isLost = true) : ($0.replies.isLost = true) }
            }
        }
    }

    func heal() async throws {
        switch self {
        case .firewall(let namespace): try await namespace.heal()
        case .proxy(let proxy): proxy.heal()
        }
    }
}

extension Lab {
    /// Two nodes are cut off for two leases, twice; two others are not.
    fileprivate func cutOff(_ cut: (Partition) async throws -> Void) async throws -> Promise {
        let namespace = Machine.Need.namespaces.missing == nil ? try await Namespace.make(self) : nil
        try await startServer(
            .init(persistence: .aofEverysec, listensOnTCP: true, configuration: namespace?.configuration ?? []))
        let partition: Partition
        var plan = NodePlan.with { ($0.timeout, $0.lease) = (.seconds(1), .seconds(2)) }
        if let namespace {
            partition = .firewall(namespace)
            (plan.url, plan.namespace) = (namespace.url, namespace)
            note("by a firewall")
        } else {
            let proxy = try await self.proxy()
            partition = .proxy(proxy)
            plan.url = proxy.url
            note("by a proxy")
        }
        let struck = try await nodes(2, plan)
        try await nodes(2)
        try await produce(280, "slow:600=2,stubborn:600", rate: 20, "--batch", "2")
        for _ in 0..<2 {
            try await wait(random(ms: 700...1300))
            try await cut(partition)
            for consumer in struck.flatMap(\.consumers) { log(.fault, "cut", consumer: consumer) }
            try await wait(.seconds(4))
            try await partition.heal()
            log(.fault, "heal")
        }
        try await drain()
        return .with { ($0.recovery, $0.leastLapses) = (.seconds(5), 2) }
    }
}
