import Foundation
import StintTesting
import Testing

struct ConnectionTests {
    private static let canary = "s3cr3t-canary"

    private func guarded() async throws -> RedisServer {
        try await RedisServer.start(listensOnTCP: true, configuration: ["requirepass \(Self.canary)"])
    }

    @Test func `a Redis that cannot be reached is status 69 and one line`() async throws {
        let result = try await Command()("stats", "--redis", "redis://127.0.0.1:1")
        #expect(result.status == 69)
        #expect(result.errors.hasPrefix("stint: connect to redis://127.0.0.1:1/0: "))
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func `a URL that cannot be read is status 64 and is not repeated`() async throws {
        let result = try await Command()("stats", "--redis", "redis://user:\(Self.canary)@host:port/x")
        #expect(result.status == 64)
        #expect(!result.errors.contains(Self.canary))
    }

    @Test func `a wrong password is status 77 and appears nowhere`() async throws {
        let server = try await guarded()
        let address = try #require(server.tcpURL).dropFirst("redis://".count)
        let wrong = "wr0ng-canary"
        for verbosity in ["--json", "-vvv"] {
            let result = try await Command()("stats", "--redis", "redis://:\(wrong)@\(address)", verbosity)
            #expect(result.status == 77)
            #expect(!(result.output + result.errors).contains(wrong))
            let fromEnvironment = try await Command(environment: ["STINT_REDIS_PASSWORD": wrong])(
                "stats", "--redis", "redis://\(address)", verbosity)
            #expect(fromEnvironment.status == 77)
            #expect(!(fromEnvironment.output + fromEnvironment.errors).contains(wrong))
        }
        #expect(try await Command()("stats", "--redis", "redis://\(address)").status == 77)
        try await server.stop()
    }

    @Test func `the password comes from a file or from the environment`() async throws {
        let server = try await guarded()
        let stint = Command(environment: ["STINT_REDIS_URL": server.url])
        try await withDirectory { directory in
            try (Self.canary + "\n").write(toFile: directory + "/password", atomically: true, encoding: .utf8)
            #expect(try await stint("stats", "--password-file", directory + "/password").status == 0)
            #expect(try await stint("stats", "--password-file", directory + "/none").status == 64)
        }
        var withPassword = stint
        withPassword.environment["STINT_REDIS_PASSWORD"] = Self.canary
        let result = try await withPassword("stats", "-vvv")
        #expect(result.status == 0)
        #expect(!result.errors.contains(Self.canary))
        try await server.stop()
    }

    @Test func `prefixes are tenants`() async throws {
        var stint = try await Command.shared()
        let queue = RedisServer.uniqueQueue()
        try #require(try await stint("enqueue", queue, "a", "--prefix", "tenant-a").status == 0)
        #expect(try await stint.count("ready", queue) == 0)
        stint.environment["STINT_PREFIX"] = "tenant-a"
        #expect(try await stint.count("ready", queue) == 1)
    }

    @Test func `commands without a URL share one private Redis, and dev stop ends it`() async throws {
        try await withDirectory { directory in
            let stint = Command(environment: ["STINT_STATE_DIR": directory + "/state"])
            async let first = stint("enqueue", "q", "one")
            async let second = stint("enqueue", "q", "two")
            #expect(try await first.status == 0)
            #expect(try await second.status == 0)
            #expect(try await stint.count("ready", "q") == 2)
            let status = try await stint("dev", "status", "--json").object()
            #expect(status["running"] as? Bool == true)
            #expect(status["directory"] as? String == directory + "/state")
            let start = try await stint("dev")
            #expect(start.output.contains(try #require(status["url"] as? String)))
            #expect(try await stint("dev", "stop", "--json").object()["stopped"] as? Bool == true)
            let again = try await stint("dev", "stop")
            #expect(again.status == 0)
            #expect(again.output == "The private Redis was not running.\n")
            #expect(try await stint("dev", "status", "--json").object()["running"] as? Bool == false)
            // Its data outlives it.
            #expect(try await stint.count("ready", "q") == 2)
            #expect(try await stint("dev", "stop").status == 0)
        }
    }
}
