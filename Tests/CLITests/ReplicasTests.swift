import StintLocal
import StintTesting
import Testing

/// Enqueues that replicas have to confirm: here there are none.
@Suite(.timeLimit(.minutes(5)))
struct ReplicasTests {
    @Test func `without a replica the job is there, and the status says that it is unconfirmed`() async throws {
        let stint = try await Command.shared()
        let queue = RedisServer.uniqueQueue()
        let result = try await stint("enqueue", queue, "x", "--id", "one", "--replicas", "1")
        #expect(result.status == 69 && result.errors.contains("of 1 replica within"))
        let job = try await stint("job", "show", queue, "one", "--json").object()
        #expect(job["state"] as? String == "ready")
    }

    @Test func `a count that is none is refused`() async throws {
        let stint = try await Command.shared()
        let result = try await stint("enqueue", "mail", "x", "--replicas", "0")
        #expect(result.status == 64 && result.errors.contains("replicas"))
    }
}
