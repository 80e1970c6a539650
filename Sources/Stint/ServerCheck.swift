import StintCore
import StintRedis
import StintStore

/// Whether a server can be trusted with jobs.
struct ServerCheck {
    let version: String
    let memoryPolicy: String?
    let wordBits: String?

    init(info: String) {
        var fields: [Substring: Substring] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            let pair = line.split(separator: ":", maxSplits: 1)
            if pair.count == 2 { fields[pair[0]] = pair[1] }
        }
        // Valkey says 7.2 as redis_version for compatibility: right, it has what is needed.
        self.version = String(fields["redis_version"] ?? "")
        self.wordBits = fields["arch_bits"].map(String.init)
        self.memoryPolicy = fields["maxmemory_policy"].map(String.init)
    }

    func verify(allowsEviction: Bool) throws(StintError) {
        if let major = version.split(separator: ".").first.flatMap({ Int($0) }), major < 7 {
            throw StintError(
                .unsupportedServer, "connect", "this is Redis \(version)",
                advice: "Stint needs Redis 7.0 or newer, or Valkey 7.2 or newer."
            )
        }
        // The scripts print tokens and times, of up to 53 bits, as machine words.
        if wordBits == "32" {
            throw StintError(
                .unsupportedServer, "connect", "this is Redis \(version) for a 32-bit machine",
                advice: "Stint needs a 64-bit Redis: tokens and times have more than 32 bits."
            )
        }
        if let memoryPolicy, memoryPolicy != "noeviction", !allowsEviction {
            throw StintError(
                .unsupportedServer, "connect",
                "the server's maxmemory-policy is \(memoryPolicy): it deletes jobs when its memory is full",
                advice: "Set `maxmemory-policy noeviction`; or allow eviction explicitly, for jobs that may be lost."
            )
        }
    }
}
