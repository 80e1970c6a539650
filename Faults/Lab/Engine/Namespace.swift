import Foundation
import StintLocal

/// A network namespace with one link to this machine, and a firewall of its own. The link is never taken down: traffic would
/// fall to another route. Packets are dropped instead, as by a partition.
final class Namespace: Sendable {
    enum Way: Sendable {
        case requests, replies
    }

    let name: String
    private static let counter = Counter()
    private let subnet: Int
    private let lab: Lab

    /// Of the range that is set aside for such measurements (RFC 2544), so that no real network is shadowed.
    private var host: String { "198.18.\(subnet).1" }
    private var port: Int { lab.server.tcpURL.flatMap { URL(string: $0)?.port } ?? 0 }
    var url: String { "redis://\(host):\(port)" }

    private init(_ lab: Lab) {
        subnet = Int(getpid()) % 200 + Self.counter.next()
        name = "stint-\(getpid())-\(subnet)"
        self.lab = lab
    }

    /// Lines for the configuration of a server that listens here, too, and nowhere else.
    var configuration: [String] { ["bind 127.0.0.1 \(host)", "protected-mode no"] }

    /// Made before the server that is to listen in it.
    static func make(_ lab: Lab) async throws -> Namespace {
        let namespace = Namespace(lab)
        lab.atEnd { await namespace.remove() }
        try await namespace.set()
        return namespace
    }

    private func set() async throws {
        let (outside, inside) = ("\(name)o".suffix(15), "\(name)i".suffix(15))
        try await Machine.run("ip", "netns", "add", name)
        try await Machine.run("ip", "link", "add", String(outside), "type", "veth", "peer", "name", String(inside))
        try await Machine.run("ip", "link", "set", String(inside), "netns", name)
        try await Machine.run("ip", "address", "add", "\(host)/30", "dev", String(outside))
        try await Machine.run("ip", "link", "set", String(outside), "up")
        try await Machine.run("ip", "-n", name, "address", "add", "198.18.\(subnet).2/30", "dev", String(inside))
        try await Machine.run("ip", "-n", name, "link", "set", String(inside), "up")
        try await Machine.run("ip", "-n", name, "link", "set", "lo", "up")
    }

    func command(_ program: String, _ arguments: [String]) -> (String, [String]) {
        (Machine.path(of: "ip") ?? "ip", ["netns", "exec", name, program] + arguments)
    }

    /// - Parameter probability: of each packet; 1 = a partition.
    func drop(_ way: Way, probability: Double = 1) async throws {
        let match = way == .requests ? ["OUTPUT", "-p", "tcp", "--dport"] : ["INPUT", "-p", "tcp", "--sport"]
        let chance = ["-m", "statistic", "--mode", "random", "--probability", "\(probability)"]
        try await iptables(["-A"] + match + ["\(port)"] + (probability < 1 ? chance : []) + ["-j", "DROP"])
    }

    func heal() async throws { try await iptables(["-F"]) }

    private func iptables(_ arguments: [String]) async throws {
        let (text, isGood) = try await Machine.attempt(
            "ip", ["netns", "exec", name, Machine.path(of: "iptables") ?? "iptables"] + arguments)
        if !isGood { throw Skip("iptables does not work in a namespace: \(text)") }
    }

    private func remove() async {
        _ = try? await Machine.attempt("ip", ["netns", "delete", name])
    }
}
