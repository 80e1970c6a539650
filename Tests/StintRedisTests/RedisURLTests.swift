import StintRedis
import Testing

struct RedisURLTests {
    struct Row: Sendable {
        let text: String
        let address: RedisURL.Address
        var user: String?
        var password: String?
        var database = 0
        var tls = false
        let description: String
    }

    @Test(arguments: [
        Row(
            text: "redis://localhost", address: .tcp(host: "localhost", port: 6379),
            description: "redis://localhost:6379/0"),
        Row(text: "REDIS://h:1/", address: .tcp(host: "h", port: 1), description: "redis://h:1/0"),
        Row(
            text: "redis://h:65535/15", address: .tcp(host: "h", port: 65535), database: 15,
            description: "redis://h:65535/15"),
        Row(
            text: "rediss://us%65r:p%40ss%2F%3A@h/2", address: .tcp(host: "h", port: 6379), user: "user",
            password: "p@ss/:",
            database: 2, tls: true, description: "rediss://user:***@h:6379/2"),
        Row(
            text: "redis://:pw@h", address: .tcp(host: "h", port: 6379), password: "pw",
            description: "redis://:***@h:6379/0"),
        Row(
            text: "redis://u:p:w@h", address: .tcp(host: "h", port: 6379), user: "u", password: "p:w",
            description: "redis://u:***@h:6379/0"),
        Row(
            text: "redis://u:p@w@h", address: .tcp(host: "h", port: 6379), user: "u", password: "p@w",
            description: "redis://u:***@h:6379/0"),
        Row(text: "redis://[::1]:7000", address: .tcp(host: "::1", port: 7000), description: "redis://[::1]:7000/0"),
        Row(
            text: "redis://[fe80::1]/1", address: .tcp(host: "fe80::1", port: 6379), database: 1,
            description: "redis://[fe80::1]:6379/1"),
        Row(text: "unix:///tmp/r.sock", address: .unix(path: "/tmp/r.sock"), description: "redis+unix:///tmp/r.sock"),
        Row(
            text: "redis+unix://u:pw@/tmp/a%20b.sock?db=4", address: .unix(path: "/tmp/a b.sock"), user: "u",
            password: "pw",
            database: 4, description: "redis+unix://u:***@/tmp/a b.sock?db=4"),
    ])
    func `a URL is read`(_ row: Row) throws {
        let url = try RedisURL(row.text)
        #expect(url.address == row.address)
        #expect(url.username == row.user)
        #expect(url.password?.revealed == row.password)
        #expect(url.database == row.database)
        #expect(url.usesTLS == row.tls)
        #expect("\(url)" == row.description)
    }

    @Test(arguments: [
        "", "localhost:6379", "redis:/canary", "http://canary", "redis://", "redis://:canary@", "redis://h:0",
        "redis://h:65536", "redis://h:canary", "redis://h:+1", "redis://h:", "redis://h/canary", "redis://h/-1",
        "redis://h/0/1",
        "redis://h/0?canary", "redis://h#canary", "redis://canary@h", "redis://u:@h", "redis://u:can%ary@h",
        "redis://u:%ff@h", "redis://u:%00@h", "redis://u:canary%2@h", "redis://::1:6379", "redis://[::1",
        "redis://[::1]canary",
        "redis://u:can/ary@h", "redis://u:can ary@h", "redis://h\r\ncanary", "unix://canary", "unix://canary/r.sock",
        "unix:///r.sock?canary=1", "unix:///r.sock?db=canary", "unix:///", "canary://h", "redis://u:%+1@h",
    ])
    func `a URL that cannot be read is refused, and nothing of it is repeated`(_ text: String) {
        do {
            _ = try RedisURL(text)
            Issue.record("\(text) was read")
        } catch {
            #expect(error.code == .badURL)
            #expect(!"\(error)".contains("canary") && !"\(error)".contains("ary"))
        }
    }

    @Test func `a path that is longer than a socket address is refused`() {
        #expect(throws: RedisError.self) { try RedisURL("unix:///" + String(repeating: "x", count: 103)) }
        #expect(throws: Never.self) { try RedisURL("unix:///" + String(repeating: "x", count: 102)) }
    }

    @Test func `a password shows nowhere`() throws {
        let url = try RedisURL("redis://user:canary@host")
        var configuration = RedisConfiguration(url: url)
        configuration.clientName = "n"
        var dumped = ""
        dump(configuration, to: &dumped)
        let password = try #require(url.password)
        for text in [
            "\(url)", String(describing: url), String(reflecting: url), "\(configuration)",
            String(reflecting: configuration),
            "\(password)", String(reflecting: password), dumped, "\(Optional(password) as Any)", "\([url])",
            "\(Mirror(reflecting: password).children.map { $0 })",
        ] {
            #expect(!text.contains("canary"), "\(text)")
        }
    }
}
