import NIOCore
import StintCore
import StintRedis
import StintStore
import Testing

/// Sizes at which Lua, or a careless loop, would break.
@Suite(.timeLimit(.minutes(5)))
struct LargeTests {
    private static let count = 20_000

    private func fill(_ bench: Bench, due: Due = .now) async throws {
        for start in stride(from: 0, to: Self.count, by: 1000) {
            _ = try await bench.store.enqueue(
                (start..<start + 1000).map { try bench.job(name($0), due: due, payload: "") }, on: bench.queue)
        }
    }

    private func name(_ number: Int) -> String { "job-\(100_000 + number)" }
    private var names: [String] { (0..<Self.count).map(name) }

    @Test func `20,000 due jobs are promoted in bounded calls, in order`() async throws {
        try await withQueue { bench in
            try await fill(bench, due: .after(.minutes(60)))
            try await bench.advance(by: .minutes(120))
            for left in (0..<20).reversed() {
                let answer = try await bench.store.promote(on: bench.queue, for: bench.me)
                #expect(answer.promoted == 1000)
                #expect(answer.dueIn == (left == 0 ? nil : .zero))
            }
            var order: [String] = []
            for _ in 0..<20 { order += try await bench.claimedIDs() }
            #expect(order == names)
        }
    }

    @Test func `20,000 due jobs can be claimed without a promoter`() async throws {
        try await withQueue { bench in
            try await fill(bench, due: .after(.minutes(60)))
            try await bench.advance(by: .minutes(120))
            var order: [String] = []
            for _ in 0..<20 {
                let claim = try await bench.claim()
                order += claim.ids
                #expect(try await bench.store.ack(claim.held, on: bench.queue, by: bench.me).accepted == 1000)
            }
            #expect(order.sorted() == names)
            #expect(try await bench.inspector.stats(of: bench.queue).done == Self.count)
        }
    }

    @Test func `20,000 expired leases are reaped in bounded calls, and all jobs run again in order`() async throws {
        try await withQueue { bench in
            try await fill(bench)
            for _ in 0..<20 { _ = try await bench.claim() }
            try await bench.advance(by: .minutes(60))
            var reaped = 0
            while true {
                let reaping = try await bench.store.reap(from: bench.queue)
                #expect(reaping.lapses.count <= 1000)
                reaped += reaping.lapses.count
                if reaping.lapseIn == nil { break }
            }
            #expect(reaped == Self.count)
            var again: [String] = []
            for _ in 0..<20 { again += try await bench.claimedIDs() }
            #expect(again.sorted() == names)
        }
    }

    @Test func `payloads of any bytes come back as they were`() async throws {
        try await withQueue { bench in
            let every = ByteBuffer(bytes: (0...255).map { UInt8($0) })
            let payloads = [
                ByteBuffer(), ByteBuffer(string: "\0"), ByteBuffer(string: "\r\n"), ByteBuffer(string: "\n;p=99;l=1\n"),
                every,
                ByteBuffer(string: "$5\r\nhello\r\n*1\r\n"), ByteBuffer(bytes: [0xFF, 0xFE, 0xC0, 0x80]),
                ByteBuffer(bytes: (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }),
            ]
            let jobs = try payloads.enumerated().map { index, payload in
                NewJob(
                    id: try JobID("\(index)"), isFresh: true,
                    header: JobHeader(type: "test", maxFailures: index % 2 == 0 ? nil : 3), payload: payload)
            }
            _ = try await bench.store.enqueue(jobs, on: bench.queue)
            let claim = try await bench.claim()
            #expect(claim.malformed.isEmpty && claim.ids == payloads.indices.map(String.init))
            for (job, payload) in zip(claim.jobs, payloads) { #expect(job.payload == payload, "\(job.id)") }
            #expect(try await bench.detail("7")?.payload == payloads[7])
        }
    }

    @Test func `ids of any printable bytes are ids`() async throws {
        try await withQueue { bench in
            let ids = [
                "{x}", "*", "a:b:c", "%s%d", "[a-z]?", "\\", "'\"", "0", "-1", "1e9", "nan",
                String(repeating: "~", count: 128),
            ]
            _ = try await bench.store.enqueue(ids.map { try bench.job($0) }, on: bench.queue)
            let held = try await bench.held()
            #expect(held.map(\.id.rawValue) == ids)
            _ = try await bench.store.release(held, on: bench.queue, by: bench.me)
            let again = try await bench.held()
            #expect(again.map(\.id.rawValue) == ids)
            for job in again { _ = try await bench.nack(job, maxFailures: 1) }
            #expect(try await bench.ids(.dead).sorted() == ids.sorted())
        }
    }

    // Redis searches small hashes and sorted sets from their head. See `Lua/include/wide.lua`.
    @Test func `keys of a queue with a hundred small jobs are tables, not packed lists`() async throws {
        try await withQueue { bench in
            func encoding(_ name: String) async throws -> String? {
                try await bench.redis("OBJECT", "ENCODING", bench.key(name)).string
            }
            let now = try (0..<100).map { try bench.job("\($0)", payload: "x") }
            _ = try await bench.store.enqueue(now, on: bench.queue)
            let jobs = try await encoding("jobs")
            #expect(jobs == "hashtable")
            let ready = try await encoding("ready")
            #expect(ready == "skiplist")
            let later = try (100..<200).map { try bench.job("\($0)", due: .after(.seconds(60)), payload: "x") }
            _ = try await bench.store.enqueue(later, on: bench.queue)
            let scheduled = try await encoding("scheduled")
            #expect(scheduled == "skiplist")
            #expect(try await bench.claim(100).jobs.count == 100)
            let leases = try await encoding("leases")
            #expect(leases == "hashtable")
            let leased = try await encoding("leased")
            #expect(leased == "skiplist")
        }
    }
}
