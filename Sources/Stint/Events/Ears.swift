import StintRedis
import Synchronization

/// The connections that wait in the server for a client, beside its own: they end with it.
final class Ears: Sendable {
    /// How long one blocking call lasts. It only bounds a connection that died silently.
    static let blockFor = Duration.seconds(10)

    private let open = Mutex<[ObjectIdentifier: RedisClient]?>([:])

    /// One more; closed already when the client is. It is opened when it is first used.
    func make(_ client: StintClient) -> RedisClient {
        let redis = client.store.client
        let ear = RedisClient(redis.configuration, eventLoop: redis.eventLoop, logger: client.logger)
        let isOpen = open.withLock { open in
            open?[ObjectIdentifier(ear)] = ear
            return open != nil
        }
        if !isOpen { close(ear) }
        return ear
    }

    func close(_ ear: RedisClient) {
        open.withLock { _ = $0?.removeValue(forKey: ObjectIdentifier(ear)) }
        Task { await ear.close() }
    }

    func closeAll() async {
        let ears = open.withLock { open in
            defer { open = nil }
            return open ?? [:]
        }
        for ear in ears.values { await ear.close() }
    }
}
