import ArgumentParser
import Foundation
import StintCore
import StintLocal
import StintStore
import StintTesting
import Synchronization

/// Hours of work with a fault every second.
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run many jobs through ten nodes while faults go on all the time.",
        discussion: """
            Jobs of mixed priorities, delays and failures. Nodes are killed and frozen, connections killed and cut off, the script \
            cache is flushed. At the end nothing may be lost or acked twice, and memory, descriptors and keys have to be as flat as \
            they were in the middle. Exit status 1 if they are not.
            """)

    @Option(help: "How many jobs.")
    var jobs = 1_000_000

    @Option(help: "How many node processes.")
    var nodes = 10

    @Option(help: "Jobs a second.")
    var rate = 2000

    @Option(help: "Seconds between two lines of figures.")
    var every = 10

    @Option(help: "Draws the same schedule again.")
    var seed: UInt64 = .random(in: 1...999_999)

    func run() async throws {
        let lab = try Lab("soak", seed: seed, isVerbose: false)
        let isGood: Bool
        do {
            isGood = try await interruptible { try await play(lab) }
        } catch {
            await Task { await lab.end(keepingIn: nil) }.value
            throw error
        }
        await lab.end(keepingIn: nil)
        if !isGood { throw ExitCode(1) }
    }

    private func play(_ lab: Lab) async throws -> Bool {
        try await lab.startServer()
        let proxy = try await lab.proxy()
        let turn = Counter()
        lab.keepAlive(nodes) { _ in
            .with { plan in
                (plan.lease, plan.concurrency, plan.keepsLedger) = (.seconds(4), 16, true)
                // Every other one.
                if turn.next() % 2 == 0 { plan.url = proxy.url }
            }
        }
        for share in 0..<2 {
            _ = try await lab.produce(
                jobs / 2 + (share == 0 ? jobs % 2 : 0), "noop=12,slow:10=6,slow:40=2,fail:1=2,fail:2", rate: rate / 2,
                url: share == 0 ? lab.server.url : proxy.url,
                options: ["--batch", "50", "--delay-ms", "4000", "--priorities", "--repeat-ms", "60000"],
                keepsLedger: true)
        }
        var samples: [SoakSample] = []
        let began = ContinuousClock.now
        say(SoakSample.head)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await faults(lab, proxy) }
            while !(try await isOver(lab)) {
                try await lab.wait(.seconds(every))
                guard let sample = try? await SoakSample.take(lab, since: began) else { continue }
                samples.append(sample)
                say(sample.line)
            }
            group.cancelAll()
            while let _ = try? await group.next() {}
        }
        proxy.heal()
        try await lab.drain(.seconds(120))
        return try await judge(lab, samples)
    }

    private func isOver(_ lab: Lab) async throws -> Bool {
        lab.state.withLock { $0.producers }.allSatisfy { !$0.process.isRunning }
    }

    private static let faultNames = ["kill", "freeze", "CLIENT KILL", "SCRIPT FLUSH", "reset", "lost replies"]

    private func faults(_ lab: Lab, _ proxy: FaultProxy) async throws {
        while true {
            try await lab.wait(lab.random(ms: 400...2500))
            guard let node = lab.living.randomElement() else { continue }
            let kind = lab.random(0...5)
            _ = lab.count(Self.faultNames[kind])
            switch kind {
            case 0: node.process.signal(SIGKILL)
            case 1:
                lab.freeze(node)
                defer { lab.thaw(node) }
                try await lab.wait(lab.random(ms: 200...6000))
            case 2: _ = try? await lab.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            case 3: _ = try? await lab.redis("SCRIPT", "FLUSH")
            case 4: proxy.cut()
            default:
                proxy.set { $0.replies.isLost = true }
                try await lab.wait(lab.random(ms: 50...3000))
                proxy.cut()
                proxy.heal()
            }
        }
    }

    private func judge(_ lab: Lab, _ samples: [SoakSample]) async throws -> Bool {
        let stats = try await lab.stats()
        let outcome = try SoakOutcome(lab, stats)
        let counts = lab.state.withLock { $0.counts }
        say("\nfaults: " + Self.faultNames.map { "\($0) \(counts[$0] ?? 0)" }.joined(separator: ", "))
        say(outcome.line)
        let drifts = SoakSample.drifts(samples)
        for drift in drifts { say(drift.line) }
        let isFlat = drifts.allSatisfy(\.isFlat)
        if drifts.isEmpty { say("too short to say what is flat: less than 300,000 jobs, or less than twelve samples") }
        say(outcome.isGood && isFlat ? "ok" : "FAILED")
        return outcome.isGood && isFlat
    }
}

/// What became of all jobs, from the ledgers and the store's own counts.
private struct SoakOutcome {
    let accepted: Int
    let acked: Int
    let ackedTwice: Int
    /// Acks that the store counts and no node has written down: the answer was lost, or the node was killed before it came.
    let unwitnessed: Int
    let dead: Int
    let left: Int
    let lost: Int
    let stats: QueueStats

    init(_ lab: Lab, _ stats: QueueStats) throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: lab.directory)
        func marks(_ suffix: String) -> [UInt64] {
            files.filter { $0.hasSuffix(suffix) }.flatMap { LedgerFile.read("\(lab.directory)/\($0)") }
        }
        let accepted = Set(marks(".accepted"))
        let ackMarks = marks(".acked"), acked = Set(ackMarks)
        self.stats = stats
        self.accepted = accepted.count
        self.acked = acked.count
        ackedTwice = ackMarks.count - acked.count
        unwitnessed = stats.ackedTotal - ackMarks.count
        dead = stats.dead
        left = stats.ready + stats.scheduled + stats.leased
        lost = accepted.subtracting(acked).count - unwitnessed - dead - left
    }

    // More unwitnessed acks than missing jobs: those were jobs whose enqueue had no answer.
    var isGood: Bool { lost <= 0 && left == 0 && ackedTwice == 0 }

    var line: String {
        """
        accepted \(accepted), acked \(acked) (and \(unwitnessed) whose answer reached no node), dead \(dead), left \(left), \
        lost \(max(0, lost)), acked twice \(ackedTwice); retries \(stats.nackedTotal), lapses \(stats.lapsedTotal), \
        releases \(stats.releasedTotal)
        """
    }
}
