package import StintRedis

/// What the server says of itself in `INFO`.
package struct ServerInfo: Sendable {
    private var fields: [Substring: Substring] = [:]

    package static func read(_ section: String, _ redis: RedisClient) async throws(RedisError) -> ServerInfo {
        var command = RedisCommand("INFO")
        command.append(section)
        return ServerInfo(text: try await redis.send(command).string ?? "")
    }

    package init(text: String) {
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let pair = line.split(separator: ":", maxSplits: 1)
            if pair.count == 2 { fields[pair[0]] = pair[1] }
        }
    }

    package subscript(name: String) -> String? { fields[name[...]].map(String.init) }

    package var usedMemory: Int { self["used_memory"].flatMap(Int.init) ?? 0 }

    /// CPU time of the thread that runs commands, in µs; of the whole server where it does not tell them apart.
    package var cpuUs: Double? {
        func sum(_ tail: String) -> Double? {
            guard let user = self["used_cpu_user" + tail].flatMap(Double.init),
                let system = self["used_cpu_sys" + tail].flatMap(Double.init)
            else { return nil }
            return (user + system) * 1e6
        }
        return sum("_main_thread") ?? sum("")
    }

    /// µs inside the commands of these names, from the section `commandstats`.
    package func commandUs(_ names: Set<String>) -> Int { commandField("usec", names) }

    package func commandCalls(_ names: Set<String>) -> Int { commandField("calls", names) }

    private func commandField(_ field: Substring, _ names: Set<String>) -> Int {
        names.reduce(0) { sum, name in
            let values = self["cmdstat_" + name] ?? ""
            for pair in values.split(separator: ",") where pair.hasPrefix(field + "=") {
                return sum + (Int(pair.dropFirst(field.count + 1)) ?? 0)
            }
            return sum
        }
    }
}
