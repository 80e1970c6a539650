import NIOCore
import Stint
import StintTesting
import Testing

/// A client of jobs in memory says of what it cannot do that it cannot, and goes on.
@Suite(.timeLimit(.minutes(1)))
struct RefusalTests {
    @Test func `what only Redis can do is refused with advice`() async throws {
        let stint = try TestStint { Note.handler { _, _ in } }
        let client = stint.client, queue: QueueName = "mail"
        let id = try await client.enqueue(Note(text: "a"), on: queue).id
        let refused: [(String, () async throws -> Void)] = [
            ("explain", { _ = try await client.explain(id, on: queue) }),
            ("log", { for try await _ in client.followLog(of: id, on: queue) {} }),
            ("events", { _ = try await client.events(of: queue) }),
            ("events", { try await client.setEvents(keeping: 10, on: queue) }),
            ("events", { _ = try await client.eventsKept(on: queue) }),
            ("nodes", { _ = try await client.nodes() }),
            ("nodes", { try await client.stop(.all) }),
            ("drain", { _ = try await client.drain(.all, timeout: .zero) }),
        ]
        for (operation, call) in refused {
            let error = await #expect(throws: StintError.self, "\(operation)") { try await call() }
            #expect(error?.code == .invalidArgument)
            #expect(error?.operation.hasPrefix(operation) == true, "\(String(describing: error))")
            #expect(error?.advice.contains("RedisServer") == true)
        }
        #expect(try await stint.drain().map(\.end) == [.done])
    }
}
