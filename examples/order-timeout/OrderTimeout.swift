import Foundation
import Stint

/// Due when the time to pay is over. A `JobPayload` is the value alone; what to do with it is told to the node, below, where
/// the shop is at hand.
struct CancelUnpaidOrder: JobPayload {
    static let type = "order.cancel-unpaid"
    var order: Int
}

actor Shop {
    enum Order { case open(timeout: JobID), paid, cancelled }

    static let queue: QueueName = "order-timeouts"
    static let timeToPay = Duration.seconds(3)

    private let client: StintClient
    private var orders: [Int: Order] = [:]

    init(_ client: StintClient) { self.client = client }

    func place(_ order: Int) async throws {
        let receipt = try await client.enqueue(CancelUnpaidOrder(order: order), on: Self.queue, .in(Self.timeToPay))
        orders[order] = .open(timeout: receipt.id)
        print("order \(order): placed, \(Self.timeToPay) to pay")
    }

    func pay(_ order: Int) async throws {
        guard case .open(let timeout) = orders[order] else { return print("order \(order): too late to pay") }
        orders[order] = .paid
        // The job will not run. If it is running at this very moment, it finds the order paid.
        let outcome = try await client.cancel(timeout, on: Self.queue, reason: "order \(order) is paid")
        print("order \(order): paid, its timeout is \(outcome)")
    }

    /// The job may run more than once, or race with the payment: the state of the order decides.
    func cancelIfUnpaid(_ order: Int) {
        guard case .open = orders[order] else { return }
        orders[order] = .cancelled
        print("order \(order): not paid in time, cancelled")
    }
}

@main
struct OrderTimeout {
    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))
        let shop = Shop(client)

        let (timeouts, timeout) = AsyncStream.makeStream(of: Int.self)
        let node = try StintNode(client, queues: [Shop.queue]) {
            CancelUnpaidOrder.handler { job, _ in
                await shop.cancelIfUnpaid(job.order)
                timeout.yield(job.order)
            }
        }
        async let running: Void = node.run()

        try await shop.place(1)
        try await shop.place(2)
        try await shop.pay(1)

        // Order 2 is never paid: the example ends with its timeout.
        for await order in timeouts where order == 2 { break }
        try await shop.pay(2)
        node.stop()
        try await running
        await client.close()
    }
}
