import StintLocal
import StintTesting
import Testing

/// The examples are documentation: what their readers will see is checked here, line by line.
@Suite(.timeLimit(.minutes(5)))
struct ExampleTests {
    @Test func `hello greets three people in order and ends`() async throws {
        let lines = try await run("hello")
        #expect(lines.count == 7)
        #expect(
            lines.prefix(3).map { $0.prefix(while: { $0 != ":" }) } == [
                "enqueued Ada", "enqueued Grace", "enqueued Barbara",
            ])
        #expect(lines.dropFirst(3) == ["hello, Ada", "hello, Grace", "hello, Barbara", "done"])
    }

    @Test func `of two orders the unpaid one is cancelled when its time is over`() async throws {
        let lines = try await run("order-timeout")
        #expect(
            lines == [
                "order 1: placed, 3.0 seconds to pay",
                "order 2: placed, 3.0 seconds to pay",
                "order 1: paid, its timeout is cancelled",
                "order 2: not paid in time, cancelled",
                "order 2: too late to pay",
            ])
    }

    @Test func `a failed message is tried again, and a rejected one comes back by a redrive`() async throws {
        let lines = try await run("retry-failed-messages")
        #expect(
            lines == [
                "ada@example.org, attempt 1: Unreachable()",
                "ada@example.org, attempt 2: Unreachable()",
                "ada@example.org, attempt 3: delivered",
                "grace@example.org, attempt 1: no such address: grace@example.org",
                "grace@example.org: dead",
                "grace@example.org: the address is known now, redriven",
                "grace@example.org, attempt 1: delivered",
            ])
    }

    @Test func `urgent messages overtake, and what has waited long enough is not overtaken`() async throws {
        let lines = try await run("priority-lanes")
        #expect(lines.first == "order: aged:2s")
        #expect(
            lines.suffix(5) == [
                "runs: alarm", "runs: second alarm", "runs: receipt", "runs: newsletter", "runs: second receipt",
            ])
    }

    @Test func `a page that is edited three times is rendered once, with the last edit`() async throws {
        let lines = try await run("cache-refresh")
        #expect(
            lines == [
                "page 1: title, to be rendered",
                "page 1: first line, rendered later",
                "page 1: typo, rendered later",
                "page 2: picture, to be rendered",
                "page 1: rendered, with typo",
                "page 2: rendered, with picture",
            ])
    }

    @Test func `a card is charged once although its job is run twice`() async throws {
        let lines = try await run("effect-once")
        #expect(
            lines == [
                "order 7: attempt 1",
                "order 7: card charged, payment 1000",
                "the mail server is down",
                "order 7: attempt 2",
                "mail: order 7 is paid by payment 1000",
            ])
    }

    @Test func `a book is copied by two runs, and another is cancelled on its way`() async throws {
        let lines = try await run("progress-and-cancel")
        #expect(
            lines == [
                "Emma: goes on after page 3",
                "Emma: 6 pages copied",
                "Ulysses: this takes too long",
                "Ulysses: the job was cancelled: too long",
            ])
    }

    /// Runs an example to its end, on a server of its own, and returns its lines.
    private func run(_ name: String) async throws -> [String] {
        let server = try await RedisServer.start()
        let example = try await ChildProcess.spawn(
            BuiltProducts.executable(name), environment: ["STINT_REDIS_URL": server.url])
        let exit = try await example.waitForExit()
        #expect(exit == .code(0), "\(example.errorOutput.soFar.joined(separator: "\n"))")
        try await server.stop()
        return example.output.soFar
    }
}
