import Foundation
import Stint

/// A message to deliver. A delivery that fails is tried again after a fifth of a second; the fifth failure would bury it.
struct Message: JobPayload {
    static let type = "message.deliver"
    static let retry = RetryPolicy.fixed(.milliseconds(200), maxFailures: 5)

    var to: String
    var text: String
}

/// A mail server that is down for the first two attempts, and has one customer.
actor MailServer {
    struct Unreachable: Error {}

    private var refusals = 2
    private var addresses: Set = ["ada@example.org"]

    func deliver(_ message: Message) throws {
        // Nothing will help this message: straight to the dead ones, with the reason. Any other error follows the policy.
        guard addresses.contains(message.to) else { throw JobOutcome.reject(reason: "no such address: \(message.to)") }
        guard refusals == 0 else {
            refusals -= 1
            throw Unreachable()
        }
    }

    func add(_ address: String) { addresses.insert(address) }
}

@main
struct RetryFailedMessages {
    static let queue: QueueName = "messages"

    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))
        let server = MailServer()

        let node = try StintNode(client, queues: [queue]) {
            Message.handler { message, context in
                do {
                    try await server.deliver(message)
                    print("\(message.to), attempt \(context.attempt): delivered")
                } catch {
                    print("\(message.to), attempt \(context.attempt): \(error)")
                    throw error
                }
            }
        }
        async let running: Void = node.run()

        let first = try await client.enqueue(Message(to: "ada@example.org", text: "hello"), on: queue)
        try await client.wait(until: .done, first)

        let second = try await client.enqueue(Message(to: "grace@example.org", text: "hello"), on: queue)
        try await client.wait(until: .dead, second)
        print("grace@example.org: dead")

        // The cause is gone: bring the message back, with all its tries before it.
        await server.add("grace@example.org")
        print("grace@example.org: the address is known now, redriven")
        try await client.redrive(second.id, on: queue)
        try await client.wait(until: .done, second)

        node.stop()
        try await running
        await client.close()
    }
}

extension StintClient {
    func wait(until state: JobState, _ receipt: Receipt) async throws {
        while try await self.state(of: receipt.id, on: receipt.queue) != state {
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
