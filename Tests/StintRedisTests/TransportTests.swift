import Foundation
import Logging
import StintLocal
import StintRedis
import Testing

@Suite(.timeLimit(.minutes(5))) struct TransportTests {
    @Test func `TCP works, by address and by name`() async throws {
        let server = try await startRedis(onTCP: true)
        let url = try #require(server.tcpURL)
        for host in ["127.0.0.1", "localhost"] {
            let url = try RedisURL(url.replacing("127.0.0.1", with: host))
            try await withClient(RedisConfiguration(url: url)) { client in
                let pong = try await client.send(command("PING"))
                #expect(pong.string == "PONG")
            }
        }
        withExtendedLifetime(server) {}
    }

    @Test func `a host name without an address is told so`() async throws {
        var configuration = RedisConfiguration(url: try RedisURL("redis://no-such-host.invalid"))
        configuration.connectTimeout = .milliseconds(500)
        try await withClient(configuration) { client in
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .connectFailed)
            #expect(error?.operation == "connect to redis://no-such-host.invalid:6379/0")
        }
    }

    @Test func `TLS verifies issuer and host name, and can be told not to`() async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/stint-tls-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try makeCertificates(directory)
        let (server, port) = try await startTLS(directory)

        func configuration(_ host: String, trusting ca: String?) throws -> RedisConfiguration {
            var configuration = RedisConfiguration(url: try RedisURL("rediss://\(host):\(port)"))
            configuration.tls.trustRootsFile = ca.map { "\(directory)/\($0).crt" }
            configuration.tls.certificateFile = "\(directory)/client.crt"
            configuration.tls.privateKeyFile = "\(directory)/client.key"
            return configuration
        }

        try await withClient(configuration("localhost", trusting: "ca")) { client in
            let pong = try await client.send(command("PING"))
            #expect(pong.string == "PONG")
        }
        for (host, ca) in [("localhost", "other"), ("127.0.0.1", "ca"), ("localhost", nil)] {
            try await withClient(configuration(host, trusting: ca)) { client in
                let error = await redisError { try await client.connect() }
                #expect(error?.code == .tls, "\(host), \(ca ?? "system roots")")
            }
        }

        var careless = try configuration("127.0.0.1", trusting: nil)
        careless.tls.insecureSkipVerify = true
        let log = Locked<[String]>([])
        try await withClient(careless, logger: Logger(label: "test") { _ in RecordingLog(lines: log) }) { client in
            let pong = try await client.send(command("PING"))
            #expect(pong.string == "PONG")
        }
        #expect(log.withLock { $0 }.contains { $0.hasPrefix("warning redis certificate is not verified") })

        // A server that dies says no goodbye over TLS; that must not be mistaken for a bad certificate.
        try await withClient(configuration("localhost", trusting: "ca")) { client in
            try await client.connect()
            try await server.kill()
            async let waiting = client.send(command("INCR", "n"))
            try await server.restart()
            let reply = try await waiting
            #expect(reply.integer == 1)
        }
    }

    /// On a port that was free a moment ago: where another process was faster, on the next one.
    private func startTLS(_ directory: String) async throws -> (PrivateRedis, Int) {
        var attempts = 4
        while true {
            let port = freePort()
            do {
                let server = try await startRedis([
                    "tls-port \(port)", "tls-cert-file \(directory)/localhost.crt",
                    "tls-key-file \(directory)/localhost.key", "tls-ca-cert-file \(directory)/ca.crt",
                    "tls-auth-clients yes",
                ])
                return (server, port)
            } catch {
                guard attempts > 0, "\(error)".contains("Address already in use") else { throw error }
                attempts -= 1
            }
        }
    }

    @Test func `TLS files that cannot be read are told so at once`() async throws {
        var configuration = RedisConfiguration(url: try RedisURL("rediss://localhost:1"))
        configuration.tls.trustRootsFile = "/no/such/file.pem"
        try await withClient(configuration) { client in
            let error = await redisError { try await client.connect() }
            #expect(error?.code == .tls)
        }
        configuration.tls = RedisTLS()
        configuration.tls.certificateFile = "/no/such/file.pem"
        try await withClient(configuration) { client in
            let error = await redisError { _ = try await client.send(command("PING")) }
            #expect(error?.message.contains("private key") == true)
        }
    }

    /// Two authorities, and certificates of the first one for localhost and a client.
    private func makeCertificates(_ directory: String) throws {
        let script = """
            set -e; cd \(directory)
            for ca in ca other; do
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.crt
            done
            for name in localhost client; do
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
                echo "subjectAltName=DNS:$name" > $name.ext
                openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.crt
            done
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
