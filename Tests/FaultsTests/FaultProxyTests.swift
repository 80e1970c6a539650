import Logging
import NIOCore
import Stint
import StintCore
import StintTesting
import Testing

struct FaultProxyTests {
    private let queue: QueueName

    init() throws { queue = try QueueName(RedisServer.uniqueQueue()) }

    /// A client behind a proxy, and one that is not.
    private func play(
        commandTimeout: Duration = .seconds(30), _ body: (FaultProxy, StintClient, StintClient) async throws -> Void
    ) async throws {
        let server = try await RedisServer.shared()
        let proxy = try await FaultProxy(to: .unix(server.socketPath))
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let behind = try await StintClient(.redis(proxy.url).timeouts(command: commandTimeout), logger: quiet)
        let direct = try await StintClient(.redis(server.url), logger: quiet)
        do {
            try await body(proxy, behind, direct)
        } catch {
            proxy.heal()
            throw error
        }
        proxy.heal()
        await behind.close()
        await direct.close()
        try await proxy.close()
    }

    private func enqueue(_ client: StintClient, bytes: Int = 1) async throws -> Receipt {
        try await client.enqueue(payload: ByteBuffer(repeating: 0, count: bytes), on: queue)
    }

    @Test func `a proxy that was told nothing hands on everything`() async throws {
        try await play { (proxy, behind, direct) async throws in
            let receipt = try await enqueue(behind, bytes: 300_000)
            #expect(receipt.isAccepted && proxy.connections == 1)
            #expect(try await direct.stats(of: queue).ready == 1)
        }
    }

    @Test func `bytes are late by the latency of each way, and in order`() async throws {
        try await play { (proxy, behind, direct) async throws in
            _ = try await enqueue(behind)
            proxy.set { ($0.requests.latency, $0.replies.latency) = (.milliseconds(60), .milliseconds(40)) }
            proxy.set { $0.requests.jitter = .milliseconds(30) }
            let began = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await enqueue(behind) } }
                try await group.waitForAll()
            }
            #expect(ContinuousClock.now - began >= .milliseconds(100))
            #expect(try await direct.stats(of: queue).ready == 21)
        }
    }

    @Test func `a thin line takes its time`() async throws {
        try await play { (proxy, behind, _) async throws in
            _ = try await enqueue(behind)
            proxy.set { $0.requests.bytesPerSecond = 1_000_000 }
            let began = ContinuousClock.now
            _ = try await enqueue(behind, bytes: 200_000)
            #expect(ContinuousClock.now - began >= .milliseconds(190))
        }
    }

    @Test func `a request whose reply is lost has been run, and its repeat is not accepted twice`() async throws {
        try await play { (proxy, behind, direct) async throws in
            // The first use of a queue looks at it; that reply is not the one to be lost.
            _ = try await enqueue(behind)
            proxy.set { $0.replies.isLost = true }
            async let receipt = enqueue(behind)
            #expect(try await eventually { try await direct.stats(of: queue).ready == 2 })
            proxy.cut()
            proxy.heal()
            #expect(try await receipt.isAccepted)
            #expect(try await direct.stats(of: queue).enqueuedTotal == 2)
        }
    }

    @Test func `what is held arrives when it is held no longer`() async throws {
        try await play { (proxy, behind, direct) async throws in
            _ = try await enqueue(behind)
            proxy.set { $0.requests.isHeld = true }
            async let receipt = enqueue(behind)
            _ = try await enqueue(direct)
            proxy.heal()
            #expect(try await receipt.isAccepted)
            #expect(try await direct.stats(of: queue).ready == 3)
        }
    }

    @Test func `a connection is reset in the middle of a request, and the next one carries it`() async throws {
        try await play { (proxy, behind, direct) async throws in
            proxy.set { $0.requests.cutAfterBytes = 20_000 }
            async let receipt = enqueue(behind, bytes: 100_000)
            let isCut = await eventually { proxy.connections == 0 }
            #expect(isCut)
            proxy.heal()
            #expect(try await receipt.isAccepted)
            #expect(try await direct.stats(of: queue).enqueuedTotal == 1)
        }
    }

    @Test func `connections that are refused come through to another server later`() async throws {
        try await play { (proxy, behind, _) async throws in
            let other = try await RedisServer.start()
            proxy.set { $0.refuses = true }
            proxy.retarget(to: .unix(other.socketPath))
            async let receipt = enqueue(behind)
            proxy.heal()
            #expect(try await receipt.isAccepted)
            let there = try await StintClient(.redis(other.url), logger: Logger(label: "test"))
            #expect(try await there.stats(of: queue).ready == 1)
            await there.close()
            try await other.stop()
        }
    }
}
