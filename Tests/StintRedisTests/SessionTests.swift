import StintLocal
import StintRedis
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct SessionTests {
    @Test func `the session is that of the shared connection, by socket and by TCP`() async throws {
        let server = try await startRedis(onTCP: true)
        for url in [server.url, try #require(server.tcpURL)] {
            try await withClient(RedisConfiguration(url: try RedisURL(url))) { client in
                try await client.connect()
                let session = try #require(try await client.session())
                #expect(try await client.send(command("CLIENT", "ID")).integer == session.clientID)
                #expect(session.runID.count == 40)
                #expect(RedisSession(parsing: session.description) == session)
            }
        }
        withExtendedLifetime(server) {}
    }

    @Test func `a new connection is a new session, and a listener hears of it first`() async throws {
        let server = try await startRedis()
        try await withClient(server.configuration()) { client in
            try await client.connect()
            let old = try #require(try await client.session())
            let (heard, notes) = AsyncStream.makeStream(of: Int.self)
            let id = client.onReady { notes.yield(client.connectionEpoch) }
            _ = try? await client.send(command("CLIENT", "KILL", "ID", "\(old.clientID)", "SKIPME", "no"))
            #expect(await heard.first { _ in true } == 2)
            let new = try #require(try await client.session())
            #expect(new.runID == old.runID && new.clientID > old.clientID)
            #expect(try await client.connected(among: [old.clientID, new.clientID]) == [new.clientID])
            client.stopListening(id)
            _ = try? await client.send(command("CLIENT", "KILL", "ID", "\(new.clientID)", "SKIPME", "no"))
            // The first ones may still be on their way to the connection that is gone.
            while (try? await client.send(command("PING"))) == nil {}
            notes.finish()
            #expect(await heard.first { _ in true } == nil)
        }
        withExtendedLifetime(server) {}
    }

    @Test func `a restarted server has another run id`() async throws {
        let server = try await startRedis()
        try await withClient(server.configuration()) { client in
            try await client.connect()
            let old = try #require(try await client.session())
            try await server.restart()
            while (try? await client.send(command("PING"))) == nil {}
            #expect(try #require(try await client.session()).runID != old.runID)
        }
    }

    @Test func `a text that is no session is none`() {
        for text in ["", "life", "life x", "life 1 2"] { #expect(RedisSession(parsing: text) == nil) }
    }
}
