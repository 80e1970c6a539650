// The code of README.md; a test compares the two. It is compiled and not run.
import Logging
import ServiceLifecycle
import Stint

struct SendReceipt: Job {
    static let type = "receipt.send"
    var order: Int

    func run(_ context: JobContext) async throws {
        try context.assertHeld()
        context.logger.info("receipt for order \(order), attempt \(context.attempt)")
    }
}

func readmeExample() async throws {
    let client = try await StintClient(.redis("redis://127.0.0.1:6379"))
    let receipt = try await client.enqueue(SendReceipt(order: 7), on: "mail", .in(.seconds(30)), .priority(5))
    print(receipt.id, receipt.isAccepted)

    let node = try StintNode(client, queues: ["mail"], concurrency: 32) {
        SendReceipt.self
    }
    try await ServiceGroup(
        services: [node], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "mailer")
    ).run()
    await client.close()
}
