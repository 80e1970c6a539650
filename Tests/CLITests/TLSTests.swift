import Foundation
import StintCore
import StintLocal
import StintTesting
import Testing

@testable import StintCLI

struct TLSTests {
    /// A server that talks TLS only with holders of a certificate of its authority.
    private func withServer(_ body: (_ url: String, _ directory: String) async throws -> Void) async throws {
        try await withDirectory { directory in
            try await makeCertificates(directory)
            let (server, port) = try await start(directory)
            try await body("rediss://localhost:\(port)", directory)
            try await server.stop()
        }
    }

    /// On a port that was free a moment ago: where another process was faster, on the next one.
    private func start(_ directory: String) async throws -> (RedisServer, UInt16) {
        var attempts = 4
        while true {
            let port = try freePort()
            do {
                let server = try await RedisServer.start(configuration: [
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

    @Test func `certificates come from options or from the environment`() async throws {
        try await withServer { url, directory in
            let byOption = try await Command()(
                "stats", "--redis", url, "--tls-ca", directory + "/ca.crt", "--tls-cert", directory + "/client.crt",
                "--tls-key", directory + "/client.key")
            #expect(byOption.status == 0, "\(byOption.errors)")
            let environment = [
                "STINT_REDIS_URL": url, "STINT_TLS_CA": directory + "/ca.crt",
                "STINT_TLS_CERT": directory + "/client.crt", "STINT_TLS_KEY": directory + "/client.key",
            ]
            let stint = Command(environment: environment)
            try #require(try await stint("enqueue", "q", "over TLS").status == 0)
            #expect(try await stint("work", "q", "--echo", "--until-empty").output == "over TLS\n")
            // An option goes before its variable.
            let wrong = try await stint("stats", "--tls-ca", directory + "/other.crt")
            #expect(wrong.status == 69)
            #expect(wrong.errors.contains("--tls-ca"))
        }
    }

    @Test func `a server of an unknown authority is not trusted`() async throws {
        try await withServer { url, directory in
            for authority in [[], ["--tls-ca", directory + "/other.crt"]] {
                let line = (["stint", "stats", "--redis", url] + authority).joined(separator: " ")
                let result = try await Command().shell(line)
                #expect(result.status == 69)
                let last = try #require(result.errors.split(separator: "\n").last)
                #expect(last.hasPrefix("stint: connect to \(url)/0: the server's certificate is not signed by"))
                #expect(last.contains("--tls-ca"))
            }
        }
    }

    @Test func `a certificate for another name is not accepted`() async throws {
        try await withServer { url, directory in
            let result = try await Command()(
                "stats", "--redis", url.replacing("localhost", with: "127.0.0.1"), "--tls-ca", directory + "/ca.crt",
                "--tls-cert", directory + "/client.crt", "--tls-key", directory + "/client.key")
            #expect(result.status == 69)
            #expect(result.errors.contains("the server's certificate is for another name"))
        }
    }

    @Test(arguments: [
        ["--tls-ca", "/no/such/file"], ["--tls-cert", "/dev/null"], ["--tls-key", "/dev/null"],
        ["--redis", "redis://localhost", "--tls-ca", "/dev/null"],
    ])
    func `TLS options that cannot be right are told so`(_ options: [String]) async throws {
        let stint = Command(environment: ["STINT_REDIS_URL": "rediss://localhost:1"])
        let result = try await stint.shell((["stint stats"] + options).joined(separator: " "))
        #expect(result.status == 64)
        #expect(result.errors.contains("--tls-"))
    }

    /// Two authorities, and certificates of the first one for localhost and a client.
    private func makeCertificates(_ directory: String) async throws {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        let made = try await Command().shell(
            """
            set -e; cd \(directory)
            for ca in ca other; do
                openssl req -x509 \(key) -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.crt
            done
            for name in localhost client; do
                openssl req \(key) -subj /CN=$name -keyout $name.key -out $name.csr
                echo "subjectAltName=DNS:$name" > $name.ext
                openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext \
                    -out $name.crt
            done
            """)
        try #require(made.status == 0, "\(made.errors)")
    }

    private func freePort() throws -> UInt16 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        #if canImport(Glibc)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        defer { close(descriptor) }
        let size = length
        // Safe: both calls get the address of a sockaddr_in, which is what AF_INET asks for, and its size.
        let failed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        try #require(!failed)
        return UInt16(bigEndian: address.sin_port)
    }
}
