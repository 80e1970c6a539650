import StintCore
package import StintRedis

/// Which Redis a client uses, and how.
public struct RedisTarget: Sendable, CustomStringConvertible {
    package let url: RedisURL
    package var configuration: RedisConfiguration
    package var keyPrefix = "stint"
    package var allowsEviction = false
    package var durability: Durability?
    /// How long an enqueue repeats what could not be confirmed, before it gives up.
    package var repeatFor = Duration.seconds(20)

    /// - Parameter url: `redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS, or `redis+unix:///path/to.sock`.
    ///   The password never appears in a description, a log or an error.
    /// - Throws: ``StintError`` with code `invalidArgument`.
    public static func redis(_ url: String) throws(StintError) -> RedisTarget {
        do {
            return RedisTarget(url: try RedisURL(url))
        } catch {
            throw StintError(error, doing: "read the Redis URL")
        }
    }

    package init(url: RedisURL) {
        self.url = url
        self.configuration = RedisConfiguration(url: url)
    }

    /// The first word of every key: one per tenant. Default `stint`.
    public func keyPrefix(_ prefix: String) -> RedisTarget {
        var copy = self
        copy.keyPrefix = prefix
        return copy
    }

    /// Takes a server whose `maxmemory-policy` is not `noeviction`. Such a server deletes jobs when its memory is full: for
    /// jobs that may be lost only.
    public func allowingEviction() -> RedisTarget {
        var copy = self
        copy.allowsEviction = true
        return copy
    }

    /// An enqueue counts as confirmed only when this many replicas have its jobs too, so that a failover to one of them loses
    /// none. One that they do not have in time is repeated, and fails with `unconfirmed` in the end, although it was accepted. It
    /// needs the right to the command `WAIT`.
    ///
    /// What a replica has is in its memory: for its disk there is `appendfsync`.
    public func confirmed(by durability: Durability) -> RedisTarget {
        var copy = self
        copy.durability = durability
        return copy
    }

    /// How long to wait for a connection and for a reply. Default 5 s and 10 s.
    public func timeouts(connect: Duration = .seconds(5), command: Duration = .seconds(10)) -> RedisTarget {
        var copy = self
        copy.configuration.connectTimeout = connect
        copy.configuration.commandTimeout = command
        return copy
    }

    /// TLS of `rediss://`. The server's certificate and name are always verified.
    ///
    /// - Parameters:
    ///   - trustRoots: a PEM file of certificate authorities; `nil` = the system's.
    ///   - certificate: a PEM file with the client's certificate chain, with `privateKey` beside it.
    public func tls(trustRoots: String? = nil, certificate: String? = nil, privateKey: String? = nil) -> RedisTarget {
        var copy = self
        copy.configuration.tls.trustRootsFile = trustRoots
        copy.configuration.tls.certificateFile = certificate
        copy.configuration.tls.privateKeyFile = privateKey
        return copy
    }

    public var description: String { url.description }
}
