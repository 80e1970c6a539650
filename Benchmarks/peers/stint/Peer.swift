import Foundation
import Stint

/// Stint in the comparison with its peers, written as its users would: `stint-peer worker`, and `stint-peer client` with the
/// commands of client.py.
struct Work: Job {
    static let type = "work"
    var text: String

    func run(_ context: JobContext) async throws {
        if Report.started(text) { try await Task.sleep(for: .seconds(3600)) }
    }
}

@main
struct Peer {
    static let queue: QueueName = "work"
    static let chunk = 1000

    static func main() async throws {
        let client = try await StintClient(.redis(ProcessInfo.processInfo.environment["PEER_URL"] ?? ""))
        switch CommandLine.arguments.dropFirst().first {
        case "worker": try await StintNode(client, queues: [queue], concurrency: 256) { Work.self }.run()
        case "client": try await serve(client)
        default: fatalError("usage: stint-peer worker|client")
        }
    }

    static func serve(_ client: StintClient) async throws {
        say("ready")
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            switch (words.first, words.count) {
            case ("bulk", 3): say("\(try await bulk(client, words[1], Int(words[2]) ?? 0))")
            case ("one", 2):
                try await client.enqueue(Work(text: Report.payload(words[1], stampNs: Report.nowNs())), on: queue)
                say("ok")
            case ("at", 2):
                try await at(client, Int(words[1]) ?? 0)
                say("ok")
            default: fatalError("unknown command: \(line)")
            }
        }
    }

    /// - Returns: the seconds that it took.
    static func bulk(_ client: StintClient, _ kind: String, _ count: Int) async throws -> Double {
        let jobs = Array(repeating: Work(text: Report.payload(kind)), count: count)
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: count, by: chunk) {
                group.addTask {
                    try await client.enqueue(Array(jobs[start..<min(start + chunk, count)]), on: queue)
                }
            }
            try await group.waitForAll()
        }
        return (ContinuousClock.now - began) / .seconds(1)
    }

    /// Jobs that are due at even distances from 1 s to 3 s ahead.
    static func at(_ client: StintClient, _ count: Int) async throws {
        let base = Report.nowNs() + 1_000_000_000
        for index in 0..<count {
            let due = base + 2_000_000_000 * Int64(index) / Int64(count)
            let date = Date(timeIntervalSince1970: Double(due) / 1e9)
            try await client.enqueue(Work(text: Report.payload("d", stampNs: due)), on: queue, .at(date))
        }
    }

    static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
