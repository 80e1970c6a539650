import FaultChecker
import Foundation
import Stint
import StintBench
import StintCore
import StintLocal
import StintStore
import Synchronization

/// How a node process is started.
struct NodePlan: Sendable {
    var concurrency = 4
    var lease = Duration.seconds(2)
    var grace = Duration.seconds(10)
    var maxLapses = 50
    var timeout = Duration.seconds(10)
    /// Nodes of one process.
    var nodes = 1
    /// `nil` = straight to the server.
    var url: String?
    /// It kills itself at this step of so manieth job.
    var death: (step: String, after: Int)?
    var environment: [String: String?] = [:]
    var namespace: Namespace?
    var keepsLedger = false

    static func with(_ change: (inout NodePlan) -> Void) -> NodePlan {
        var plan = NodePlan()
        change(&plan)
        return plan
    }
}

final class LabNode: Sendable {
    let name: String
    let consumers: [String]
    let process: ChildProcess
    let plan: NodePlan

    init(_ name: String, _ consumers: [String], _ process: ChildProcess, _ plan: NodePlan) {
        (self.name, self.consumers, self.process, self.plan) = (name, consumers, process, plan)
    }
}

final class LabProducer: Sendable {
    let process: ChildProcess

    init(_ process: ChildProcess) { self.process = process }

    func stop() { process.signal(SIGTERM) }
}

extension Lab {
    private static var program: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

    // MARK: Start

    @discardableResult
    func node(_ plan: NodePlan = NodePlan()) async throws -> LabNode {
        let name = "n\(count("node"))"
        var arguments = [
            "node", "--url", plan.url ?? server.url, "--queue", Self.queue.rawValue, "--name", name,
            "--concurrency", "\(plan.concurrency)", "--lease-ms", "\(plan.lease.wholeMs)",
            "--grace-ms", "\(plan.grace.wholeMs)", "--max-lapses", "\(plan.maxLapses)",
            "--timeout-ms", "\(plan.timeout.wholeMs)", "--nodes", "\(plan.nodes)",
        ]
        arguments +=
            plan.keepsLedger
            ? ["--ledger", "\(directory)/\(name).acked"] : ["--history", "\(directory)/\(name).jsonl"]
        if let death = plan.death { arguments += ["--die-at", death.step, "--die-after", "\(death.after)"] }
        let process = try await spawn(arguments, plan.environment, plan.namespace)
        var consumers: [String] = []
        do {
            _ = try await process.output.first(within: .seconds(30)) { line in
                guard line.hasPrefix("started ") else { return false }
                return process.output.soFar.count { $0.hasPrefix("started ") } >= plan.nodes
            }
            consumers = process.output.soFar.filter { $0.hasPrefix("started ") }.map { String($0.dropFirst(8)) }
        } catch {
            let words = process.errorOutput.soFar.suffix(3).joined(separator: " ")
            process.signal(SIGKILL)
            throw Broken("the node \(name) did not start: \(words)")
        }
        let node = LabNode(name, consumers, process, plan)
        state.withLock { $0.nodes.append(node) }
        return node
    }

    @discardableResult
    func nodes(_ count: Int, _ plan: NodePlan = NodePlan()) async throws -> [LabNode] {
        var nodes: [LabNode] = []
        for _ in 0..<count { nodes.append(try await node(plan)) }
        return nodes
    }

    /// Starts a producer and goes on as soon as it enqueues.
    @discardableResult
    func produce(_ jobs: Int, _ mix: String, rate: Int = 0, url: String? = nil, _ options: String...) async throws
        -> LabProducer
    {
        try await produce(jobs, mix, rate: rate, url: url, options: options)
    }

    func produce(
        _ jobs: Int, _ mix: String, rate: Int = 0, url: String? = nil, options: [String],
        environment: [String: String?] = [:], keepsLedger: Bool = false
    ) async throws -> LabProducer {
        let name = "p\(count("producer"))"
        let file =
            keepsLedger ? ["--ledger", "\(directory)/\(name).accepted"] : ["--history", "\(directory)/\(name).jsonl"]
        let arguments = [
            "produce", "--url", url ?? server.url, "--queue", Self.queue.rawValue, "--name", name,
            "--mix", mix, "--jobs", "\(jobs)", "--rate", "\(rate)", "--seed",
            "\(seed &+ UInt64(random(1...1_000_000)))",
        ]
        let process = try await spawn(arguments + file + options, environment, nil)
        _ = try await process.output.first(within: .seconds(30)) { $0 == "ready" }
        let producer = LabProducer(process)
        state.withLock { $0.producers.append(producer) }
        return producer
    }

    func spawn(_ arguments: [String], _ environment: [String: String?] = [:], _ namespace: Namespace? = nil)
        async throws -> ChildProcess
    {
        // A backtrace of each handler that is meant to trap takes seconds.
        let environment = environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { own, _ in own }
        let command = namespace?.command(Self.program, arguments) ?? (Self.program, arguments)
        return try await ChildProcess.spawn(command.0, command.1, environment: environment, newSession: true)
    }

    /// Keeps so many nodes alive: whoever ends is replaced.
    func keepAlive(_ count: Int, _ plan: @escaping @Sendable (Lab) -> NodePlan) {
        for _ in 0..<count {
            // Unstructured: it ends with the row, see `end`.
            let keeper = Task {
                while !self.isEnding {
                    guard let node = try? await self.node(plan(self)) else {
                        try? await Task.sleep(for: .milliseconds(200))
                        continue
                    }
                    // The end may have come while it started.
                    if self.isEnding { node.process.signal(SIGKILL) }
                    _ = try? await node.process.waitForExit()
                    if self.isEnding { return }
                    for consumer in node.consumers { self.log(.fault, "kill", consumer: consumer, "by itself") }
                    self.forget(node)
                }
            }
            state.withLock { $0.keepers.append(keeper) }
        }
    }

    var isEnding: Bool { state.withLock { $0.isEnding } }

    // MARK: Faults

    /// The nodes that are there.
    var living: [LabNode] { state.withLock { $0.nodes.filter { $0.process.isRunning } } }

    func kill(_ node: LabNode) async throws {
        forget(node)
        node.process.signal(SIGKILL)
        _ = try await node.process.waitForExit()
        for consumer in node.consumers { log(.fault, "kill", consumer: consumer) }
    }

    func freeze(_ node: LabNode) {
        node.process.signal(SIGSTOP)
        for consumer in node.consumers { log(.fault, "freeze", consumer: consumer) }
    }

    /// Freezes a node that holds jobs, so that there is something to be lost.
    func freezeBusy() async throws -> LabNode {
        for _ in 0..<200 {
            let node = pick(living)
            node.process.signal(SIGSTOP)
            let consumers = node.consumers.compactMap { ConsumerID(parsing: $0) }
            for consumer in consumers where try await !client.inspector.leases(of: consumer, on: Self.queue).isEmpty {
                freeze(node)
                return node
            }
            node.process.signal(SIGCONT)
            try await wait(.milliseconds(20))
        }
        throw Broken("no node had a job in hand")
    }

    func thaw(_ node: LabNode) {
        node.process.signal(SIGCONT)
        for consumer in node.consumers { log(.fault, "thaw", consumer: consumer) }
    }

    /// SIGTERM, and waits for an end that must be one with status 0.
    func terminate(_ node: LabNode) async throws {
        forget(node)
        node.process.signal(SIGTERM)
        expect(try await node.process.waitForExit(), .code(0), of: node.name)
    }

    func expect(_ exit: ChildProcess.Exit, _ expected: ChildProcess.Exit, of name: String) {
        add(
            Event(
                .exit, exit == expected ? .ok : .fail, mono: ProcessUse.monotonicNs, consumer: name, how: "\(exit)",
                note: "expected \(expected)"))
    }

    func forget(_ node: LabNode) { state.withLock { $0.nodes.removeAll { $0 === node } } }
}
