import FaultChecker
import Foundation
import StintCore
import StintLocal
import StintStore

/// F43, F44: rights, and crowds.
extension Row {
    static let accessRows = [denied, herd]

    private static let secret = "canary-5e7a91"

    private static let denied = Row("F43", "denied commands, a wrong password, a password that is changed") { lab in
        try await lab.startServer(.init(persistence: .aofEverysec, listensOnTCP: true))
        let address = lab.server.tcpURL?.replacing("redis://", with: "") ?? ""
        func refusal(_ user: String, _ password: String) async throws -> String {
            let process = try await lab.spawn([
                "node", "--url", "redis://\(user):\(password)@\(address)", "--queue", "faults", "--name", "n", "--logs",
            ])
            _ = try await lab.until(.seconds(5)) { !process.isRunning }
            let isRunning = process.isRunning
            process.signal(SIGKILL)
            _ = try await process.waitForExit()
            let words = (process.output.soFar + process.errorOutput.soFar).joined(separator: " ")
            if words.contains(password) { throw Broken("the password is in what a node says") }
            if words.isEmpty { throw Broken("a node without rights says nothing") }
            return isRunning ? "goes on" : "ends"
        }
        try await lab.redis("ACL", "SETUSER", "worker", "on", ">right", "~*", "&*", "+@all", "-evalsha", "-eval")
        lab.note("wrong password: a node \(try await refusal("worker", secret))")
        try await lab.redis("ACL", "SETUSER", "worker", ">" + secret)
        lab.note("no scripts: a node \(try await refusal("worker", secret))")
        try await lab.redis("ACL", "SETUSER", "worker", "+@all")
        let url = "redis://worker:\(secret)@\(address)"
        let node = try await lab.node(.with { $0.url = url })
        try await lab.produce(200, "slow:20", rate: 50)
        try await lab.wait(.seconds(1))
        // Those who are in are thrown out, and cannot come back until the password is theirs again.
        try await lab.redis("ACL", "SETUSER", "worker", "resetpass", ">other")
        try await lab.redis("CLIENT", "KILL", "USER", "worker")
        try await lab.wait(.seconds(1))
        try await lab.redis("ACL", "SETUSER", "worker", "resetpass", ">" + secret)
        try await lab.drain()
        if !node.process.isRunning { throw Broken("the node has ended because its password was changed") }
        return .with { $0.recovery = .seconds(20) }
    }

    private static let herd = Row("F44", "200 idle nodes and one job at a time") { lab in
        try await lab.startServer()
        for _ in 0..<4 { try await lab.node(.with { ($0.nodes, $0.lease) = (50, Defaults.lease) }) }
        try await lab.wait(.seconds(2))
        func calls() async throws -> Int {
            let text = try await lab.client.info("commandstats")["cmdstat_evalsha"] ?? ""
            return Int(text.split(separator: ",").first?.dropFirst("calls=".count) ?? "") ?? 0
        }
        let before = try await calls()
        try await lab.wait(.seconds(3))
        let idle = try await calls() - before
        let start = try await calls()
        try await lab.produce(30, "noop", rate: 10, "--batch", "1", "--callers", "1")
        try await lab.drain()
        try await lab.until(.seconds(10)) { try await lab.stats().ackedTotal >= 30 }
        let busy = try await calls() - start - idle
        let perJob = Double(busy) / 30
        lab.note(String(format: "%d script calls in 3 s idle, %.1f more for each job", idle, perJob))
        // Enqueue, claim, ack, and the looks and watches of those who come to see.
        if perJob > 20 { throw Broken("\(perJob) script calls for each job: the nodes come in crowds") }
        return .with { $0.duplicates = .none }
    }
}
