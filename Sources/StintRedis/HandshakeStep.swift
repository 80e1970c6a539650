/// What is said before the first request.
enum HandshakeStep: Sendable, Hashable {
    case auth(username: String?, password: Secret)
    case select(database: Int)
    case setName(String)
    /// Shows that the server answers, is not loading and wants no password.
    case ping

    static func steps(for configuration: RedisConfiguration) -> [HandshakeStep] {
        var steps: [HandshakeStep] = []
        if let password = configuration.url.password {
            steps.append(.auth(username: configuration.url.username, password: password))
        }
        if configuration.url.database != 0 { steps.append(.select(database: configuration.url.database)) }
        if let name = configuration.clientName, !name.isEmpty {
            // Redis takes only printable ASCII without spaces.
            let clean = name.utf8.map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "-") }
            steps.append(.setName(String(decoding: clean, as: UTF8.self)))
        }
        steps.append(.ping)
        return steps
    }

    var command: RedisCommand {
        switch self {
        case .auth(let username, let password):
            var command = RedisCommand("AUTH")
            if let username { command.append(username) }
            command.append(password.revealed)
            return command
        case .select(let database):
            var command = RedisCommand("SELECT")
            command.append(database)
            return command
        case .setName(let name):
            var command = RedisCommand("CLIENT")
            command.append("SETNAME")
            command.append(name)
            return command
        case .ping:
            return RedisCommand("PING")
        }
    }

    /// A name is a courtesy and a PING is a question: a user who may do neither can still work.
    func tolerates(_ code: RedisError.Code) -> Bool {
        switch self {
        case .setName, .ping: code == .noPermission
        case .auth, .select: false
        }
    }

    func failure(_ code: RedisError.Code, _ message: String) -> RedisError {
        switch self {
        case .auth:
            // "ERR Client sent AUTH, but no password is set", "ERR AUTH <password> called without any password
            // configured".
            RedisError(code.isPlainError ? .wrongPass : code, operation: "log in", message: message)
        case .select(let database): RedisError(code, operation: "select database \(database)", message: message)
        case .setName: RedisError(code, operation: "set the client's name", message: message)
        case .ping: RedisError(code, operation: "connect", message: message)
        }
    }
}

extension RedisError.Code {
    fileprivate var isPlainError: Bool { self == .other("ERR") }
}
