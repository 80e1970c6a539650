internal import NIOCore
internal import NIOPosix
internal import NIOSSL

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Opens channels and puts a `ConnectionHandler` into them.
struct Connector {
    private let configuration: RedisConfiguration
    private let tls: NIOSSLContext?

    /// Reads the certificate files of a `rediss://` configuration, so it may block for a moment.
    init(_ configuration: RedisConfiguration) throws(RedisError) {
        self.configuration = configuration
        tls = configuration.url.usesTLS ? try Self.context(configuration.tls) : nil
    }

    func connect(on eventLoop: any EventLoop) -> EventLoopFuture<any Channel> {
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelInitializer { [configuration, tls] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: configuration.url.hostName))
                    }
                    try pipeline.addHandler(ConnectionHandler(configuration))
                }
            }
        switch configuration.url.address {
        case .unix(let path):
            return bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port):
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            if let keepAlive = configuration.keepAlive { bootstrap = Self.probing(bootstrap, after: keepAlive) }
            return bootstrap.connect(host: host, port: port)
        }
    }

    private static func probing(_ bootstrap: ClientBootstrap, after idle: Duration) -> ClientBootstrap {
        let seconds = max(1, Int(clamping: idle.components.seconds))
        let bootstrap = bootstrap.channelOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
        return
            bootstrap
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: seconds)
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: max(1, seconds / 3))
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
        #else
        return bootstrap
        #endif
    }

    private static func context(_ tls: RedisTLS) throws(RedisError) -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.minimumTLSVersion = .tlsv12
        if tls.insecureSkipVerify { settings.certificateVerification = .none }
        if let roots = tls.trustRootsFile { settings.trustRoots = .file(roots) }
        guard (tls.certificateFile == nil) == (tls.privateKeyFile == nil) else {
            throw RedisError(
                .tls, operation: "set up TLS",
                message: "a client certificate needs a private key and the other way round")
        }
        do {
            if let file = tls.certificateFile {
                settings.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
            }
            if let file = tls.privateKeyFile {
                settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
            }
            return try NIOSSLContext(configuration: settings)
        } catch {
            throw RedisError(.tls, operation: "set up TLS", message: "\(error)", underlying: error)
        }
    }
}

extension RedisURL {
    /// For SNI and verification. Addresses have no name: their certificate is checked against the address itself.
    fileprivate var hostName: String? {
        guard case .tcp(let host, _) = address, (try? SocketAddress(ipAddress: host, port: 0)) == nil else {
            return nil
        }
        return host
    }
}

extension Connector {
    /// What a person can use of an error of the transport.
    static func redisError(_ error: any Error, operation: String, code: RedisError.Code) -> RedisError {
        switch error {
        case let error as RedisError:
            error
        case NIOSSLError.uncleanShutdown:
            // The peer died or was cut off: that is the network's trouble, not the certificate's.
            RedisError(code, operation: operation, message: "the connection ended in the middle", underlying: error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            RedisError(.tls, operation: operation, message: tlsReason(error), underlying: error)
        case let error as IOError:
            RedisError(code, operation: operation, message: reason(error), underlying: error)
        case let error as NIOConnectionError:
            RedisError(code, operation: operation, message: reason(error), underlying: error)
        case ChannelError.connectTimeout(let amount):
            RedisError(
                code, operation: operation, message: "no answer within \(amount.nanoseconds / 1_000_000) ms",
                underlying: error)
        default:
            RedisError(code, operation: operation, message: "\(error)", underlying: error)
        }
    }

    /// The TLS library's words mean something to its authors only; the whole of them stays in the underlying error.
    private static func tlsReason(_ error: any Error) -> String {
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the server's certificate is not signed by an authority that we trust, or has expired"
        }
        if text.contains("failedToValidateHostname") { return "the server's certificate is for another name" }
        return text
    }

    private static func reason(_ error: IOError) -> String {
        String(cString: strerror(error.errnoCode))
    }

    private static func reason(_ error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first {
            let why = (first.error as? IOError).map(reason) ?? "\(first.error)"
            return "\(why) (\(error.host):\(error.port), \(error.connectionErrors.count) address(es) tried)"
        }
        return "the host name \(error.host) has no address"
    }
}
