extension RedisError {
    /// Kinds of errors. More may come, so a `switch` over them needs a `default`.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        fileprivate enum Value: Hashable {
            case connectFailed, connectionLost, timeout, closed, cancelled, protocolError, badURL, tls
            case noScript, readOnly, loading, moved, ask, tryAgain, clusterDown, masterDown, outOfMemory, noAuth,
                wrongPass
            case noPermission, busy, misconfigured, noReplicas, wrongType, unkillable, execAbort, scriptError
            case other(String)
        }

        fileprivate let value: Value

        /// No connection could be made.
        package static let connectFailed = Code(value: .connectFailed)
        /// The connection broke while a reply was awaited.
        package static let connectionLost = Code(value: .connectionLost)
        /// No reply in time.
        package static let timeout = Code(value: .timeout)
        /// The client was closed.
        package static let closed = Code(value: .closed)
        /// The calling task was cancelled.
        package static let cancelled = Code(value: .cancelled)
        /// What came back is not RESP2, or larger than allowed.
        package static let protocolError = Code(value: .protocolError)
        package static let badURL = Code(value: .badURL)
        /// The TLS handshake failed, or its files cannot be read.
        package static let tls = Code(value: .tls)
        /// NOSCRIPT. `RedisClient.call` deals with it.
        package static let noScript = Code(value: .noScript)
        /// READONLY: a replica was asked to write.
        package static let readOnly = Code(value: .readOnly)
        /// LOADING: the server is reading its data.
        package static let loading = Code(value: .loading)
        /// MOVED: another node of the cluster has the slot.
        package static let moved = Code(value: .moved)
        /// ASK: the slot is being moved to another node.
        package static let ask = Code(value: .ask)
        /// TRYAGAIN: the keys of the call are on two nodes while their slot is moved.
        package static let tryAgain = Code(value: .tryAgain)
        /// CLUSTERDOWN: the cluster does not serve this slot.
        package static let clusterDown = Code(value: .clusterDown)
        /// MASTERDOWN: a replica without its primary.
        package static let masterDown = Code(value: .masterDown)
        /// OOM: maxmemory is reached.
        package static let outOfMemory = Code(value: .outOfMemory)
        /// NOAUTH: the server wants a password.
        package static let noAuth = Code(value: .noAuth)
        /// WRONGPASS: user or password is wrong.
        package static let wrongPass = Code(value: .wrongPass)
        /// NOPERM: the user may not do this.
        package static let noPermission = Code(value: .noPermission)
        /// BUSY: a script has been running too long.
        package static let busy = Code(value: .busy)
        /// MISCONF: writes are refused because saving to disk fails.
        package static let misconfigured = Code(value: .misconfigured)
        /// NOREPLICAS: fewer replicas than min-replicas-to-write.
        package static let noReplicas = Code(value: .noReplicas)
        /// WRONGTYPE: the key holds something else.
        package static let wrongType = Code(value: .wrongType)
        /// UNKILLABLE: the script that is to be killed has written.
        package static let unkillable = Code(value: .unkillable)
        /// EXECABORT: a queued command was refused.
        package static let execAbort = Code(value: .execAbort)
        /// A script raised an error.
        package static let scriptError = Code(value: .scriptError)

        /// Any other error reply, by its first word.
        package static func other(_ server: String) -> Code { Code(value: .other(server)) }

        package var description: String {
            if case .other(let server) = value { server } else { "\(value)" }
        }
    }
}

extension RedisError.Code {
    /// Error replies by their first word.
    static let replies: [String: RedisError.Code] = [
        "NOSCRIPT": .noScript, "READONLY": .readOnly, "LOADING": .loading, "MOVED": .moved, "ASK": .ask,
        "TRYAGAIN": .tryAgain, "CLUSTERDOWN": .clusterDown, "MASTERDOWN": .masterDown, "OOM": .outOfMemory,
        "NOAUTH": .noAuth, "WRONGPASS": .wrongPass, "NOPERM": .noPermission, "BUSY": .busy, "MISCONF": .misconfigured,
        "NOREPLICAS": .noReplicas, "WRONGTYPE": .wrongType, "UNKILLABLE": .unkillable, "EXECABORT": .execAbort,
    ]

    init(reply text: String) {
        let word = text.prefix { $0 != " " }
        if let code = Self.replies[String(word)] {
            self = code
        } else if text.hasPrefix("ERR max number of clients") {
            self = .connectFailed
        } else if text.contains("user_script") || text.hasPrefix("ERR Error running script")
            || text.hasPrefix("ERR Error compiling script")
        {
            self = .scriptError
        } else {
            self = .other(String(word.prefix(40)))
        }
    }

    package var disposition: RedisError.Disposition {
        switch value {
        case .connectFailed, .connectionLost, .timeout, .protocolError, .readOnly, .masterDown: .reconnect
        case .loading, .busy, .unkillable, .tryAgain, .clusterDown, .noReplicas, .outOfMemory, .misconfigured,
            .noScript:
            .tryAgain
        case .closed, .cancelled, .badURL, .tls, .moved, .ask, .noAuth, .wrongPass, .noPermission, .wrongType,
            .execAbort,
            .scriptError, .other:
            .final
        }
    }

    /// Whether the connection that brought this error is of no more use.
    var dropsConnection: Bool {
        value == .readOnly || value == .masterDown
    }

    var advice: String {
        switch value {
        case .connectFailed: "Check that Redis runs at this address and that the network lets us through"
        case .connectionLost: "A new connection is being made; repeat the call if it may run twice"
        case .timeout: "Look for slow commands (SLOWLOG), swapping or a network that drops packets"
        case .closed: "The client is closed; make a new one"
        case .cancelled: "Nothing to do: the caller gave up waiting"
        case .protocolError: "Check that the address is a Redis server and not another service or an HTTP proxy"
        case .badURL: "Write redis://[user]:password@host:port/db, with special characters percent-encoded"
        case .tls: "Check the certificate's host name, its issuer (trust roots) and whether the port speaks TLS"
        case .noScript: "Send the script's source once with EVAL"
        case .readOnly: "This server is a replica; after a failover the next connection finds the primary"
        case .loading: "The server is reading its data from disk; wait"
        case .moved, .ask: "This server is a node of a Redis Cluster and another node owns the key"
        case .tryAgain: "A slot of the cluster is being moved; wait"
        case .clusterDown: "Some slots of the cluster have no node; look at CLUSTER INFO"
        case .masterDown: "This replica has lost its primary; look at the primary"
        case .outOfMemory: "Redis has reached maxmemory: let the queues drain or give it more memory"
        case .noAuth: "Put the password into the URL"
        case .wrongPass: "Check user name and password in the URL"
        case .noPermission: "Give the user the missing permission with ACL SETUSER"
        case .busy: "A script blocks Redis; wait, or end it with SCRIPT KILL"
        case .misconfigured: "Redis cannot save to disk and refuses writes; look at its log and the free disk space"
        case .noReplicas: "Too few replicas are in reach (min-replicas-to-write)"
        case .wrongType: "Another program uses this key; give one of the two another prefix"
        case .unkillable: "The script has written already; wait for its end"
        case .execAbort: "A command of the transaction was refused; see its own error"
        case .scriptError: "A script failed: this is a bug, or the data has another version's format"
        case .other: "See the Redis documentation for this error"
        }
    }
}
