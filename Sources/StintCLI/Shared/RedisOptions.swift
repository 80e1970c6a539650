import ArgumentParser
import Foundation
import Logging
import Stint
import StintCore
import StintLocal
import StintRedis
import StintStore

/// What every command that talks to Redis takes.
struct RedisOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where Redis is: redis://host:port/db, rediss://… or redis+unix:///path.",
            discussion: """
                Default: STINT_REDIS_URL, else the private Redis. A password in it shows in the list of processes: see \
                --password-file.
                """, valueName: "url"))
    var redis: String?

    @Option(
        help: ArgumentHelp(
            "Keeps users of one Redis apart: the first word of every key. Default: STINT_PREFIX, else stint.",
            valueName: "word"))
    var prefix: String?

    @Option(
        help: ArgumentHelp("A file with the password for Redis. Default: STINT_REDIS_PASSWORD.", valueName: "file"),
        completion: .file())
    var passwordFile: String?

    @OptionGroup var tls: TLSOptions

    @Flag(name: .shortAndLong, help: "Log more to standard error: -v info, -vv debug, -vvv trace.")
    var verbose: Int

    var logger: Logger {
        let level: Logger.Level =
            switch verbose {
            case 0: .warning
            case 1: .info
            case 2: .debug
            default: .trace
            }
        return Logger(label: "stint") { _ in StandardErrorLog(level) }
    }

    /// Connects, runs `body`, and ends the connections whatever happens.
    func withClient<Value>(
        codec: (any PayloadCodec)? = nil, confirmedBy durability: Durability? = nil,
        _ body: (StintClient) async throws -> Value
    ) async throws -> Value {
        let client = try await connect(codec, durability)
        do {
            let value = try await body(client)
            await client.close()
            return value
        } catch {
            await client.close()
            throw error
        }
    }

    /// A client with connections of its own, for who closes it.
    func connect() async throws -> StintClient { try await connect(nil, nil) }

    private func connect(_ codec: (any PayloadCodec)?, _ durability: Durability?) async throws -> StintClient {
        var target = try await target()
        if let durability { target = target.confirmed(by: durability) }
        return try await StintClient(target, logger: logger, codec: codec)
    }

    /// The variables that lead a program which this command starts to the same Redis, for what options have said of it. A password
    /// from a file is not among them.
    var variables: [String: String] {
        let given = [
            "STINT_REDIS_URL": redis, "STINT_PREFIX": prefix, "STINT_TLS_CA": tls.tlsCa, "STINT_TLS_CERT": tls.tlsCert,
            "STINT_TLS_KEY": tls.tlsKey,
        ]
        return given.compactMapValues { $0 }
    }

    /// Whether Redis runs on this machine, as far as its address says.
    var isLocal: Bool {
        guard let text = redis ?? environment("STINT_REDIS_URL"), let url = try? RedisURL(text) else { return true }
        return switch url.address {
        case .unix: true
        case .tcp(let host, _): ["localhost", "127.0.0.1", "::1"].contains(host)
        }
    }

    private func target() async throws -> RedisTarget {
        var url: RedisURL
        if let text = redis ?? environment("STINT_REDIS_URL") {
            do {
                url = try RedisURL(text)
            } catch {
                throw StintError(error, doing: "read the Redis URL")
            }
        } else {
            url = try RedisURL(try await startPrivateRedis())
        }
        if let password = try password() { url.password = Secret(password) }
        let target = RedisTarget(url: url).keyPrefix(prefix ?? environment("STINT_PREFIX") ?? "stint")
        return try tls.apply(to: target)
    }

    private func password() throws -> String? {
        guard let passwordFile else { return environment("STINT_REDIS_PASSWORD") }
        guard let data = FileManager.default.contents(atPath: passwordFile),
            let text = String(validating: data, as: UTF8.self)
        else {
            throw CommandError(.usage, "--password-file: \(passwordFile) cannot be read")
        }
        // The first line: editors end a file with a line end, passwords do not.
        let line = text.prefix { !$0.isNewline }
        if line.isEmpty {
            throw CommandError(.usage, "--password-file: \(passwordFile) has no password in its first line")
        }
        return String(line)
    }

    private func startPrivateRedis() async throws -> String {
        let local = try LocalRedis()
        let wasRunning = (try? await local.status().isRunning) ?? false
        let url = try await local.start()
        if !wasRunning, Console.isErrorTerminal { Console.note("started a private Redis (stint dev stop ends it)") }
        return url
    }
}

/// Whom to trust, and whom to be, with rediss:// URLs.
struct TLSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With rediss://: a PEM file of the authorities that may sign the server's certificate.",
            discussion: "Default: STINT_TLS_CA, else the system's.", valueName: "file"), completion: .file())
    var tlsCa: String?

    @Option(
        help: ArgumentHelp(
            "With rediss://: a PEM file of our own certificate, where the server asks for one.",
            discussion: "Default: STINT_TLS_CERT.", valueName: "file"), completion: .file())
    var tlsCert: String?

    @Option(
        help: ArgumentHelp(
            "The PEM file of its private key. Default: STINT_TLS_KEY.", valueName: "file"), completion: .file())
    var tlsKey: String?

    /// The variables may be set for all commands, whichever server they talk to; an option is meant for this one.
    func apply(to target: RedisTarget) throws -> RedisTarget {
        guard target.url.usesTLS else {
            for (value, option) in [(tlsCa, "--tls-ca"), (tlsCert, "--tls-cert"), (tlsKey, "--tls-key")]
            where value != nil {
                throw CommandError(.usage, "\(option): \(target) does not use TLS", advice: "Write rediss://….")
            }
            return target
        }
        let authorities = try file(tlsCa, "--tls-ca", "STINT_TLS_CA")
        let certificate = try file(tlsCert, "--tls-cert", "STINT_TLS_CERT")
        let key = try file(tlsKey, "--tls-key", "STINT_TLS_KEY")
        guard (certificate == nil) == (key == nil) else {
            throw CommandError(
                .usage, "a certificate of our own needs its private key, and the key its certificate",
                advice: "Give both of --tls-cert and --tls-key, or of STINT_TLS_CERT and STINT_TLS_KEY.")
        }
        return target.tls(trustRoots: authorities, certificate: certificate, privateKey: key)
    }

    private func file(_ option: String?, _ name: String, _ variable: String) throws -> String? {
        guard let path = option ?? environment(variable) else { return nil }
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw CommandError(.usage, "\(option == nil ? variable : name): \(path) cannot be read")
        }
        return path
    }
}

/// An environment variable; an empty one counts as unset.
func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
}

/// For every command that prints.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON: one object, or one on each line where the output goes on. Times are ms since 1970.")
    var json = false

    func print(_ json: @autoclosure () -> JSON, else text: @autoclosure () -> String) throws {
        try Console.write(self.json ? json().text + "\n" : text())
    }
}

/// Command line values that Stint itself can read, with its own words for what is wrong with them.
enum Parse {
    static func queue(_ text: String) throws -> QueueName {
        try reading { () throws(StintError) in try QueueName(text) }
    }
    static func type(_ text: String) throws -> JobType { try reading { () throws(StintError) in try JobType(text) } }
    static func id(_ text: String) throws -> JobID { try reading { () throws(StintError) in try JobID(text) } }
    static func duration(_ text: String) throws -> Duration {
        try reading { () throws(StintError) in try Duration(parsing: text) }
    }

    static func order(_ text: String) throws -> QueueOrder {
        try reading { () throws(StintError) in try QueueOrder(parsing: text) }
    }

    /// A time from now, as `10m`, or a time.
    static func moment(_ text: String) throws -> Moment {
        if let delay = try? Duration(parsing: text) { return .after(delay) }
        guard let ms = try? time(text) else {
            throw ValidationError("Write it as 10m, from now, or as 2026-01-31T10:00:00Z.")
        }
        return .at(ms: ms)
    }

    static func retry(_ text: String) throws -> RetryPlan {
        try reading { () throws(StintError) in try RetryPlan(parsing: text) }
    }

    /// How many replicas have to confirm an enqueue.
    static func replicas(_ text: String) throws -> Durability {
        guard let count = Int(text) else { throw ValidationError("It is a number of replicas.") }
        return try reading { () throws(StintError) in try Durability(replicas: count) }
    }

    static func state(_ text: String) throws -> JobState {
        guard let state = JobState(rawValue: text) else {
            throw ValidationError("It is one of \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return state
    }

    /// `2026-01-31T10:00:00Z`, with an offset or a fraction of a second if need be.
    static func time(_ text: String) throws -> Int64 {
        for style in [Date.ISO8601FormatStyle(), Date.ISO8601FormatStyle(includingFractionalSeconds: true)] {
            if let date = try? style.parse(text) { return Int64((date.timeIntervalSince1970 * 1000).rounded(.up)) }
        }
        throw ValidationError("Write the time as 2026-01-31T10:00:00Z, or with an offset as 2026-01-31T10:00:00+01:00.")
    }

    private static func reading<Value>(_ read: () throws(StintError) -> Value) throws -> Value {
        do {
            return try read()
        } catch {
            throw ValidationError("\(error.message). \(error.advice)")
        }
    }
}
