// The code of docs/testing.md; a test compares the two. It is compiled, and run.
import Foundation
import Stint
import StintTesting
import Testing

struct TestingExample {
    @Test func `a receipt is sent when its delay is over`() async throws {
        let stint = try TestStint { SendReceipt.self }
        let receipt = try await stint.client.enqueue(SendReceipt(order: 7), on: "mail", .in(.seconds(30)))
        #expect(try await stint.drain().isEmpty)

        try await stint.advance(by: .seconds(30))
        #expect(try await stint.drain().map(\.end) == [.done])
        #expect(try stint.job(receipt.id, on: "mail").state == .done)
    }

    @Test func `an order that is paid gets its receipt`() async throws {
        let stint = try TestStint()
        try await pay(order: 7, stint.client)

        #expect(try stint.waiting(SendReceipt.self, on: "mail").map(\.order) == [7])
        #expect(try stint.jobs(.scheduled, on: "mail").count == 1)
    }

    @Test func `a receipt is sent again when the mail server refuses it`() async throws {
        let mail = FakeMail(failures: 2)
        let stint = try TestStint { MailReceipt.handler { job, _ in try await mail.send(job.address) } }
        try await stint.client.enqueue(MailReceipt(address: "ada@example.org"), on: "mail")

        while try await stint.client.stats(of: "mail").done == 0 {
            for case .failed(let delay) in try await stint.drain().map(\.end) { try await stint.advance(by: delay) }
        }
        #expect(await mail.sent == ["ada@example.org"])
    }

    @Test func `a customer is charged once, whenever the node dies`() async throws {
        for fault in [TestFault.diesBeforeRun, .diesAfterRun, .freezesAfterRun(.seconds(40))] {
            let bank = FakeBank()
            let stint = try TestStint {
                Charge.handler { job, context in try await bank.charge(job.cents, key: context.idempotencyKey) }
            }
            try stint.inject(fault, into: Charge.self)
            try await stint.client.enqueue(Charge(cents: 500), on: "bank")

            try await stint.drain()
            try await stint.advance(by: .seconds(40))
            try await stint.drain()
            #expect(await bank.charges == [500], "\(fault)")
        }
    }

    @Test func `an import that is cancelled stops`() async throws {
        let started = Signal()
        let stint = try TestStint {
            Import.handler { _, _ in
                started.raise()
                while true {
                    try Task.checkCancellation()
                    await Task.yield()
                }
            }
        }
        let receipt = try await stint.client.enqueue(Import(), on: "imports")

        async let runs = stint.drain()
        await started.wait()
        #expect(try await stint.client.cancel(receipt.id, on: "imports") == .requested)
        #expect(try await runs.map(\.end) == [.cancelled])
    }

    @Test func `a node sends receipts`() async throws {
        let server = try await RedisServer.shared()
        let client = try await StintClient(.redis(server.url))
        let queue = try QueueName(RedisServer.uniqueQueue())
        let receipt = try await client.enqueue(SendReceipt(order: 7), on: queue)

        let sent = Signal()
        let node = try StintNode(client, queues: [queue], concurrency: 1) {
            SendReceipt.handler { _, _ in sent.raise() }
        }
        async let running: Void = node.run()
        await sent.wait()
        node.stop()
        try await running
        #expect(try await client.state(of: receipt.id, on: queue) == .done)
        await client.close()
    }
}

private func pay(order: Int, _ client: StintClient) async throws {
    try await client.enqueue(SendReceipt(order: order), on: "mail", .in(.seconds(5)))
}

struct MailReceipt: JobPayload {
    static let type = "receipt.mail"
    var address: String
}

struct Charge: JobPayload {
    static let type = "charge"
    var cents: Int
}

struct Import: JobPayload {
    static let type = "import"
}

private actor FakeMail {
    struct Busy: Error {}

    private var failures: Int
    private(set) var sent: [String] = []

    init(failures: Int) { self.failures = failures }

    func send(_ address: String) throws {
        if failures > 0 {
            failures -= 1
            throw Busy()
        }
        sent.append(address)
    }
}

private actor FakeBank {
    private var seen: Set<String> = []
    private(set) var charges: [Int] = []

    func charge(_ cents: Int, key: String) throws {
        if seen.insert(key).inserted { charges.append(cents) }
    }
}

private struct Signal {
    private let pair = AsyncStream<Void>.makeStream()

    func raise() { pair.continuation.yield() }
    func wait() async { for await _ in pair.stream { return } }
}
