internal import NIOCore

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// A connection as the server knows it. A server never gives a number twice, and starts with another run id each time:
/// a session that is not in its list is gone for good.
package struct RedisSession: Hashable, Sendable, CustomStringConvertible {
    package let runID: String
    package let clientID: Int64

    package init(runID: String, clientID: Int64) {
        self.runID = runID
        self.clientID = clientID
    }

    /// Reads what ``description`` wrote.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let clientID = Int64(parts[1]) else { return nil }
        self.init(runID: String(parts[0]), clientID: clientID)
    }

    package var description: String { "\(runID) \(clientID)" }
}

extension RedisClient {
    /// The session of the shared connection. `nil` = the server sees somebody else's connection: a proxy stands between,
    /// or an address is translated. Such a connection may end while this process lives, and stay when it is dead.
    package func session() async throws(RedisError) -> RedisSession? {
        let (epoch, address) = readyConnection
        var command = RedisCommand("CLIENT")
        command.append("INFO")
        let client = Self.fields(try await send(command).string ?? "", separator: "=", between: [" ", "\n"])
        let runID = try await runID()
        guard connectionEpoch == epoch else {
            throw RedisError(.connectionLost, operation: "CLIENT INFO", message: "another connection has taken over")
        }
        guard let runID, let id = client["id"].flatMap({ Int64($0) }), let seen = client["addr"]
        else {
            return nil
        }
        return isOurs(String(seen), address) ? RedisSession(runID: runID, clientID: id) : nil
    }

    /// What the server calls itself since it was started. `nil` = it does not say.
    package func runID() async throws(RedisError) -> String? {
        var command = RedisCommand("INFO")
        command.append("server")
        let server = Self.fields(try await send(command).string ?? "", separator: ":", between: ["\r\n", "\n"])
        return server["run_id"].map { String($0) }
    }

    /// Which of these connections the server still has.
    package func connected(among ids: some Collection<Int64>) async throws(RedisError) -> Set<Int64> {
        if ids.isEmpty { return [] }
        var command = RedisCommand("CLIENT")
        command.append(contentsOf: ["LIST", "ID"])
        for id in ids { command.append(id) }
        let text = try await send(command).string ?? ""
        return Set(
            text.split(whereSeparator: \.isNewline).compactMap { line in
                line.hasPrefix("id=") ? Int64(line.dropFirst(3).prefix { $0 != " " }) : nil
            })
    }

    private func isOurs(_ seen: String, _ address: SocketAddress?) -> Bool {
        switch configuration.url.address {
        case .unix(let path):
            // A client of a Unix socket has no address: the server calls it by the path at which it listens itself.
            return seen == path + ":0" || Self.resolved(path).map { seen == $0 + ":0" } ?? false
        case .tcp:
            guard let address, let ip = address.ipAddress, let port = address.port else { return false }
            return seen == (address.protocol == .inet6 ? "[\(ip)]:\(port)" : "\(ip):\(port)")
        }
    }

    private static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    private static func fields(
        _ text: String, separator: Character, between: Set<Character>
    ) -> [Substring: Substring] {
        var fields: [Substring: Substring] = [:]
        for part in text.split(whereSeparator: { between.contains($0) }) {
            let pair = part.split(separator: separator, maxSplits: 1)
            if pair.count == 2 { fields[pair[0]] = pair[1] }
        }
        return fields
    }
}
