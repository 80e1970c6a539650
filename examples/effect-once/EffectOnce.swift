import Foundation
import Stint

/// Charges a card, then sends a receipt. The mail server is down at first.
struct PayOrder: JobPayload {
    static let type = "order.pay"
    static let retry = RetryPolicy.fixed(.milliseconds(200))
    var order: Int
}

struct MailServerIsDown: Error {}

/// Stands for the services outside. A real one for payments takes an idempotency key, too.
actor World {
    private var charges: [String: Int] = [:]
    private var mailsToFail = 1

    func charge(_ order: Int, key: String) -> Int {
        if let number = charges[key] { return number }
        let number = 1000 + charges.count
        charges[key] = number
        print("order \(order): card charged, payment \(number)")
        return number
    }

    func mail(_ text: String) throws {
        if mailsToFail > 0 {
            mailsToFail -= 1
            print("the mail server is down")
            throw MailServerIsDown()
        }
        print("mail: \(text)")
    }
}

@main
struct EffectOnce {
    static let queue: QueueName = "payments"

    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))
        let world = World()

        let node = try StintNode(client, queues: [queue]) {
            PayOrder.handler { job, context in
                print("order \(job.order): attempt \(context.attempt)")
                // The second attempt gets the payment of the first, and charges nothing.
                let payment = try await context.once("charge") { key in await world.charge(job.order, key: key) }
                try await world.mail("order \(job.order) is paid by payment \(payment)")
            }
        }
        async let running: Void = node.run()

        try await client.enqueue(PayOrder(order: 7), on: queue)
        // A real node runs until its process is told to stop, see StintNode; this one until the order is paid.
        while try await client.stats(of: queue).isBusy { try await Task.sleep(for: .milliseconds(10)) }
        node.stop()
        try await running
        await client.close()
    }
}

extension QueueStats {
    var isBusy: Bool { ready + scheduled + leased > 0 }
}
