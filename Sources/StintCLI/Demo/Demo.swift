import ArgumentParser
import Foundation
import Logging
import NIOCore
import Stint
import StintCore
import StintLocal
import StintStore

/// The main job on real input, with real faults, and a verdict.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hash real files on three node processes, kill one, freeze one, and check every result.",
        discussion: """
            One job for every file below a directory; three `stint work --exec` processes compute SHA-256 of them. Some jobs fail on \
            purpose at their first attempt. In the middle one node is killed with SIGKILL and one is frozen with SIGSTOP until its \
            leases have run out. At the end every hash is compared with one computed directly, and every run that was not the only \
            one of its job must be explained by the lapse or the failure that caused it. Exit status 1 if anything is not so.
            """
    )

    @Option(help: "The directory whose files are hashed.")
    var dir = Demo.defaultDirectory

    @Option(help: "At most so many files.")
    var files = 3000

    @Option(help: "How long a node keeps a job without a sign of life.")
    var lease = "3s"

    @Flag(help: "Print the verdict as one JSON object.")
    var json = false

    static var defaultDirectory: String {
        ["/usr/share/doc", "/usr/share/man", "/usr/share"].first { FileManager.default.fileExists(atPath: $0) } ?? "."
    }

    func validate() throws {
        if files < 50 {
            throw ValidationError("--files: the demo needs at least 50 files to have something in the middle.")
        }
        do { _ = try Duration(parsing: lease) } catch { throw ValidationError(error.description) }
    }

    func run() async throws {
        let paths = DemoFiles.list(below: dir, atMost: files)
        guard paths.count >= 50 else {
            throw ValidationError(
                "\(dir) has \(paths.count) readable files, the demo needs at least 50. Choose another --dir.")
        }
        let server = try PrivateRedis(.init(persistence: .none))
        try await server.start()
        let cluster = try DemoCluster(url: server.url, lease: try Duration(parsing: lease))
        do {
            let verdict = try await play(cluster, paths)
            await cluster.end()
            try await server.stop()
            print(json ? verdict.json : verdict.text)
            if !verdict.isGood { throw ExitCode(1) }
        } catch {
            await cluster.end()
            try? await server.stop()
            throw error
        }
    }

    private func play(_ cluster: DemoCluster, _ paths: [String]) async throws -> DemoVerdict {
        let client = try await StintClient(
            try .redis(cluster.url), logger: Logger(label: "demo", factory: { _ in SwiftLogNoOpLogHandler() }))
        let display = DemoDisplay(total: paths.count, isQuiet: json)
        display.say("\(paths.count) files below \(dir), one job each; three nodes of two slots; a lease of \(lease)")
        let jobs = try DemoFiles.jobs(for: paths, client)
        _ = try await client.enqueue(jobs.map(\.job), on: DemoCluster.queue)
        try await cluster.start(["node-1", "node-2", "node-3"])
        let began = ContinuousClock.now
        let story = try await DemoStory(cluster: cluster, client: client, display: display, total: jobs.count).play()
        let elapsed = ContinuousClock.now - began
        await cluster.stopNodes()
        display.end()
        let verdict = try DemoVerdict(
            jobs: jobs, cluster: cluster, story: story, elapsed: elapsed,
            stats: try await client.stats(of: DemoCluster.queue)
        )
        await client.close()
        return verdict
    }
}

/// The input of the demo.
enum DemoFiles {
    struct Entry {
        let path: String
        let job: NewJob
        /// Its first attempt fails on purpose.
        let isFlaky: Bool
    }

    /// Regular, readable files in the order of their paths, so that every run has the same.
    static func list(below directory: String, atMost limit: Int) -> [String] {
        let manager = FileManager.default
        var paths: [String] = []
        guard let walk = manager.enumerator(atPath: directory) else { return [] }
        for case let name as String in walk {
            let path = directory + "/" + name
            // A job's payload is one line for the worker's `read`.
            let isPlain = !path.contains("\n") && !path.contains("\\")
            if isPlain, walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular,
                manager.isReadableFile(atPath: path)
            {
                paths.append(path)
            }
        }
        return Array(paths.sorted().prefix(limit))
    }

    /// Every 25th job fails at its first attempt.
    static func jobs(for paths: [String], _ client: StintClient) throws -> [Entry] {
        let minter = JobIDMinter()
        let ids = minter.mint(paths.count, atMs: Int64(Date().timeIntervalSince1970 * 1000))
        return zip(paths, ids).enumerated().map { index, pair in
            let isFlaky = index % 25 == 7
            let header = JobHeader(type: isFlaky ? "hash.flaky" : "hash")
            let job = NewJob(id: pair.1, isFresh: true, header: header, payload: ByteBuffer(string: pair.0))
            return Entry(path: pair.0, job: job, isFlaky: isFlaky)
        }
    }
}
