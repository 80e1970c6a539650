/// How to reach a Redis server and how long to wait for it.
package struct RedisConfiguration: Sendable {
    package var url: RedisURL

    /// Shown by `CLIENT LIST`. Spaces and control characters become `-`. Defaults to none.
    package var clientName: String?

    /// For one attempt to connect, including TLS and login, and for the whole of `RedisClient.connect()`. Defaults to 5
    /// seconds.
    package var connectTimeout: Duration = .seconds(5)

    /// From the moment a command is sent until its reply, waiting for a connection included. Defaults to 10 seconds.
    package var commandTimeout: Duration = .seconds(10)

    /// How long the client waits longer than Redis for the end of a blocking command. Defaults to 2 seconds.
    package var blockingMargin: Duration = .seconds(2)

    /// How long `close()` waits for the replies of commands already sent. Defaults to 2 seconds.
    package var closeTimeout: Duration = .seconds(2)

    /// How long a TCP connection is silent before the kernel probes it. Defaults to 15 seconds; nil turns probes off.
    package var keepAlive: Duration? = .seconds(15)

    package var reconnect = ReconnectPolicy()

    /// For `rediss://` URLs.
    package var tls = RedisTLS()

    /// Elements in one reply. Defaults to 4,194,304.
    package var maxReplyElements: Int = 1 << 22

    /// Bytes in one reply. Defaults to 513 MiB: the longest string that Redis stores, and some room.
    package var maxReplyBytes: Int = 513 << 20

    package init(url: RedisURL) {
        self.url = url
    }
}

/// Whom to trust, and whom to be, in a TLS connection: version 1.2 or newer, with SNI. Files are PEM.
package struct RedisTLS: Sendable {
    /// Certificates that may sign the server's. Defaults to the system's.
    package var trustRootsFile: String?

    /// The client's certificate chain, for servers that ask for one. Needs `privateKeyFile`. Defaults to none.
    package var certificateFile: String?

    /// The key of `certificateFile`. Defaults to none.
    package var privateKeyFile: String?

    /// Accepts any certificate, so anyone on the network path can read and change everything. Logged as a warning by
    /// every client that uses it. Defaults to false: certificate and host name are verified.
    package var insecureSkipVerify = false

    package init() {}
}
