import FaultChecker
import Foundation
import Stint
import StintCore
import StintLocal
import StintStore
import StintTesting
import Synchronization

extension Lab {
    /// Stops what still runs, as an operator would, and gathers the evidence.
    func evidence() async throws -> Evidence {
        state.withLock { $0.isEnding = true }
        for producer in state.withLock({ $0.producers }) {
            producer.stop()
            _ = try await producer.process.waitForExit()
        }
        let nodes = state.withLock { $0.nodes }
        for node in nodes { node.process.signal(SIGTERM) }
        for node in nodes {
            let exit = try await node.process.waitForExit()
            // One that was to kill itself may just have done so.
            let isMeant = node.plan.death != nil && exit == .signal(SIGKILL)
            expect(exit, isMeant ? exit : .code(0), of: node.name)
        }
        state.withLock { $0.nodes = [] }
        let files = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".jsonl") }
        let events = Event.read(files.map { "\(directory)/\($0)" })
        guard let server = state.withLock({ $0.server }), server.pid != nil else {
            return Evidence(events: events, store: [:])
        }
        let ids = Set(events.compactMap(\.id).map(JobID.init(unchecked:))).union(try await listed())
        return Evidence(events: events, store: try await states(of: Array(ids)), complaints: try await complaints())
    }

    /// Every job of every index, so that one which nobody has written down is found, too.
    private func listed() async throws -> [JobID] {
        var ids: [JobID] = []
        for state in JobState.allCases {
            ids += try await client.inspector.ids(state, on: Self.queue, limit: 200_000)
        }
        return ids
    }

    private func states(of ids: [JobID]) async throws -> [String: String] {
        var states: [String: String] = [:]
        for start in stride(from: 0, to: ids.count, by: 500) {
            let chunk = Array(ids[start..<min(start + 500, ids.count)])
            for job in try await client.inspector.jobs(chunk, on: Self.queue) {
                states[job.id.rawValue] = job.state?.rawValue
            }
        }
        return states
    }

    /// What `stint fsck` has to say; `nil` when the program is not built beside this one, or is too old to have it.
    private func complaints() async throws -> [String]? {
        if let known = state.withLock({ $0.complaints }) { return known }
        guard let (text, isGood) = try await fsck() else { return nil }
        return isGood ? [] : ["fsck: " + text.replacing("\n", with: " ")]
    }

    func fsck(_ options: String...) async throws -> (text: String, isGood: Bool)? {
        guard let stint = Self.stint, try await Machine.attempt(stint, ["--help"]).text.contains("\n  fsck ") else {
            return nil
        }
        return try await Machine.attempt(stint, ["fsck", "--redis", server.url, Self.queue.rawValue] + options)
    }

    /// The command line that was built beside this program.
    static var stint: String? {
        let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
        let path = URL(filePath: program).deletingLastPathComponent().appending(path: "stint").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// Leaves nothing behind, whatever happened.
    ///
    /// - Parameter keep: where the histories go; `nil` = away.
    func end(keepingIn keep: String?) async {
        state.withLock { $0.isEnding = true }
        let (nodes, producers, keepers) = state.withLock { ($0.nodes, $0.producers, $0.keepers) }
        for process in nodes.map(\.process) + producers.map(\.process) {
            process.signal(SIGCONT)
            process.signal(SIGKILL)
            _ = try? await process.waitForExit()
        }
        for keeper in keepers { await keeper.value }
        let (client, server, proxies, cleanups) = state.withLock { ($0.client, $0.server, $0.proxies, $0.cleanups) }
        await client?.close()
        for proxy in proxies { try? await proxy.close() }
        server?.thaw()
        try? await server?.stop()
        for cleanup in cleanups.reversed() { await cleanup() }
        if let keep {
            try? FileManager.default.createDirectory(atPath: keep, withIntermediateDirectories: true)
            let target = keep + "/" + URL(filePath: directory).lastPathComponent
            try? FileManager.default.moveItem(atPath: directory, toPath: target)
        }
        try? FileManager.default.removeItem(atPath: directory)
    }
}
