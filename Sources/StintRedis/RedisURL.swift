/// Where a Redis server is and how to log in to it.
///
///     redis://[[user]:password@]host[:port][/db]            port 6379, db 0
///     rediss://…                                            the same over TLS
///     redis+unix://[[user]:password@]/path/to.sock[?db=N]
///     unix:///path/to.sock[?db=N]
///
/// Percent-encoding is decoded in user, password and path. `description` never shows the password, and neither does an
/// error about a URL that cannot be read.
package struct RedisURL: Sendable, Hashable, CustomStringConvertible {
    package enum Address: Sendable, Hashable, CustomStringConvertible {
        case tcp(host: String, port: Int)
        case unix(path: String)

        package var description: String {
            switch self {
            case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            case .unix(let path): path
            }
        }
    }

    package var address: Address
    package var username: String?
    package var password: Secret?
    package var database: Int
    package var usesTLS: Bool

    package init(
        address: Address,
        username: String? = nil,
        password: Secret? = nil,
        database: Int = 0,
        usesTLS: Bool = false
    ) {
        self.address = address
        self.username = username
        self.password = password
        self.database = database
        self.usesTLS = usesTLS
    }

    package init(_ text: String) throws(RedisError) {
        self = try URLParser(text).parse()
    }

    package var description: String {
        let login: String =
            switch (username, password) {
            case (nil, nil): ""
            case (let user?, nil): "\(user)@"
            case (let user, _?): "\(user ?? ""):***@"
            }
        return switch address {
        case .tcp: "\(usesTLS ? "rediss" : "redis")://\(login)\(address)/\(database)"
        case .unix(let path): "redis+unix://\(login)\(path)\(database == 0 ? "" : "?db=\(database)")"
        }
    }
}

/// Reads a URL. No part of the text goes into an error: a password with an unescaped `/` or `@` can end up in any part.
private struct URLParser {
    private let text: String

    init(_ text: String) {
        self.text = text
    }

    func parse() throws(RedisError) -> RedisURL {
        guard let separator = text.firstRange(of: "://") else {
            throw bad("it has no scheme: write redis://host:port/db, rediss://… or redis+unix:///path")
        }
        if text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
            throw bad("it contains a space or a control character: percent-encode it")
        }
        let rest = text[separator.upperBound...]
        return switch text[..<separator.lowerBound].lowercased() {
        case "redis": try tcp(rest, usesTLS: false)
        case "rediss": try tcp(rest, usesTLS: true)
        case "redis+unix", "unix": try unix(rest)
        default: throw bad("its scheme is none of redis, rediss, redis+unix and unix")
        }
    }

    private func tcp(_ rest: Substring, usesTLS: Bool) throws(RedisError) -> RedisURL {
        if rest.contains("?") || rest.contains("#") {
            throw bad(
                "it has a query or a fragment: percent-encode ? and # in a password, and write the database as /0")
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let login = try login(rest[..<slash])
        let (host, port) = try hostAndPort(login.rest)
        var url = RedisURL(address: .tcp(host: host, port: port), usesTLS: usesTLS)
        url.username = login.user
        url.password = login.password
        let path = rest[slash...].dropFirst()
        if !path.isEmpty { url.database = try database(path) }
        return url
    }

    private func unix(_ rest: Substring) throws(RedisError) -> RedisURL {
        guard let slash = rest.firstIndex(of: "/") else {
            throw bad("it has no absolute path: write redis+unix:///path/to.sock")
        }
        let login = try login(rest[..<slash])
        guard login.rest.isEmpty else { throw bad("it has a host before the path of the socket: write three slashes") }
        let question = rest.firstIndex(of: "?") ?? rest.endIndex
        let path = try decoded(rest[slash..<question])
        if path.utf8.count < 2 { throw bad("it has no path to a socket") }
        if path.utf8.count > 103 { throw bad("its path is longer than the 103 bytes a socket address can hold") }
        var url = RedisURL(address: .unix(path: path))
        url.username = login.user
        url.password = login.password
        let query = rest[question...].dropFirst()
        if !query.isEmpty {
            guard query.hasPrefix("db=") else { throw bad("its query is not db=N") }
            url.database = try database(query.dropFirst(3))
        }
        return url
    }

    private func login(_ authority: Substring) throws(RedisError) -> (user: String?, password: Secret?, rest: Substring)
    {
        guard let at = authority.lastIndex(of: "@") else { return (nil, nil, authority) }
        let login = authority[..<at]
        guard let colon = login.firstIndex(of: ":") else {
            throw bad("it has a user without a password: write user:password@, or :password@ for the default user")
        }
        let user = try decoded(login[..<colon])
        let password = try decoded(login[colon...].dropFirst())
        if password.isEmpty && !user.isEmpty { throw bad("its password is empty") }
        return (user.isEmpty ? nil : user, password.isEmpty ? nil : Secret(password), authority[at...].dropFirst())
    }

    private func hostAndPort(_ text: Substring) throws(RedisError) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw bad("its IPv6 address has no closing bracket") }
            host = text[..<end].dropFirst()
            let after = text[end...].dropFirst()
            if !after.isEmpty {
                guard after.hasPrefix(":") else { throw bad("something other than a port follows its IPv6 address") }
                port = after.dropFirst()
            }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[colon...].dropFirst()
            if port!.contains(":") { throw bad("its host contains colons: write an IPv6 address in brackets") }
        }
        if host.isEmpty { throw bad("it has no host") }
        guard let port else { return (try decoded(host), 6379) }
        guard let number = decimal(port), (1...65_535).contains(number) else {
            throw bad("its port is not a number from 1 to 65535 (percent-encode / : and @ in a password)")
        }
        return (try decoded(host), number)
    }

    private func database(_ text: Substring) throws(RedisError) -> Int {
        guard let number = decimal(text), number < 1_000_000 else {
            throw bad("its database is not a number such as /0")
        }
        return number
    }

    private func decimal(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }

    private func decoded(_ text: Substring) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let hex = rest.prefix(2)
            guard hex.count == 2, let value = UInt8(String(Substring(hex)), radix: 16), hex.first != UInt8(ascii: "+")
            else {
                throw bad("a % is not followed by two hexadecimal digits: write %25 for a percent sign")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard !bytes.contains(0), let string = String(validating: bytes, as: UTF8.self) else {
            throw bad("its percent-encoding does not make text")
        }
        return string
    }

    private func bad(_ why: String) -> RedisError {
        RedisError(.badURL, operation: "read the Redis URL", message: why)
    }
}
