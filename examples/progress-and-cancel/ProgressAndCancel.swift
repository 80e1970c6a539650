import Foundation
import Stint

/// Copies pages, says how far it is, and can go on where another run has stopped.
struct CopyBook: ResultJob {
    static let type = "book.copy"
    var title: String
    var pages: Int

    func run(_ context: JobContext) async throws -> String {
        var page = try await context.checkpoint(as: Int.self) ?? 0
        if page > 0 { print("\(title): goes on after page \(page)") }
        while page < pages {
            // Where the work is: it ends at once when the job is cancelled.
            try await Task.sleep(for: .milliseconds(20))
            page += 1
            try await context.checkpoint(page)
            context.progress(Double(page) / Double(pages), "page \(page) of \(pages)")
            if page == 3, context.attempt == 1, title == "Emma" { throw OutOfInk() }
        }
        return "\(page) pages copied"
    }
}

extension CopyBook {
    static let retry = RetryPolicy.fixed(.milliseconds(50))
}

struct OutOfInk: Error {}

@main
struct ProgressAndCancel {
    static let queue: QueueName = "books"

    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))
        let node = try StintNode(client, queues: [queue], lease: .seconds(2)) { CopyBook.self }
        async let running: Void = node.run()

        // It fails once, and goes on where it was.
        let emma = try await client.enqueue(CopyBook(title: "Emma", pages: 6), on: queue)
        print("Emma: \(try await emma.value)")

        // Nobody has the time for this one. Its progress is an event of the queue.
        try await client.setEvents(keeping: 1000, on: queue)
        let events = try await client.events(of: queue)
        let ulysses = try await client.enqueue(CopyBook(title: "Ulysses", pages: 1_000_000), on: queue)
        for try await event in events where event.kind == .progress && event.jobs == [ulysses.id] { break }
        print("Ulysses: this takes too long")
        try await client.cancel(ulysses.id, on: queue, reason: "too long")
        do {
            print("Ulysses: \(try await ulysses.value)")
        } catch let error as ResultError {
            print("Ulysses: \(error)")
        }

        node.stop()
        try await running
        await client.close()
    }
}
