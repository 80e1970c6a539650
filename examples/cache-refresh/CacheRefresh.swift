import Foundation
import Stint

/// Renders a page into the cache. Many edits of one page in a short time need it once.
struct RefreshPage: JobPayload {
    static let type = "page.refresh"
    var page: Int
    /// The last edit that made it necessary.
    var edit: String
}

struct Wiki {
    static let queue: QueueName = "cache"
    /// A page is rendered when nobody has edited it for so long.
    static let quiet = Duration.seconds(1)

    let client: StintClient

    func edit(_ page: Int, _ edit: String) async throws {
        let receipt = try await client.enqueue(
            RefreshPage(page: page, edit: edit), on: Self.queue,
            .unique("page-\(page)", onConflict: .replace), .in(Self.quiet))
        switch receipt.outcome {
        case .accepted: print("page \(page): \(edit), to be rendered")
        case .replaced: print("page \(page): \(edit), rendered later")
        case .exists, .taken: print("page \(page): \(edit), not to be rendered")
        }
    }
}

@main
struct CacheRefresh {
    static func main() async throws {
        let url = ProcessInfo.processInfo.environment["STINT_REDIS_URL"] ?? "redis://127.0.0.1:6379"
        let client = try await StintClient(.redis(url))
        let wiki = Wiki(client: client)

        // In one go: each edit comes long before the page has been quiet for a second.
        for edit in ["title", "first line", "typo"] { try await wiki.edit(1, edit) }
        try await wiki.edit(2, "picture")

        let (pages, page) = AsyncStream.makeStream(of: Int.self)
        let node = try StintNode(client, queues: [Wiki.queue], concurrency: 1) {
            RefreshPage.handler { job, _ in
                print("page \(job.page): rendered, with \(job.edit)")
                page.yield(job.page)
            }
        }
        async let running: Void = node.run()

        // The example ends when both pages are rendered.
        var rendered: Set<Int> = []
        for await page in pages {
            rendered.insert(page)
            if rendered.count == 2 { break }
        }
        node.stop()
        try await running
        await client.close()
    }
}
