import Foundation
import StintLocal
import StintTesting
import Testing

/// Nodes that are told something from afar, as processes.
struct NodeControlTests {
    let queue = RedisServer.uniqueQueue()

    private func node(_ stint: Command, _ name: String) async throws -> [String: Any]? {
        let nodes = try await stint("node", "ls", "--json").object()["nodes"] as? [[String: Any]]
        return nodes?.first { $0["name"] as? String == name }
    }

    private func wait(_ stint: Command, _ name: String, for state: String) async throws {
        let isIt = await eventually { (try? await node(stint, name)?["state"] as? String) == state }
        try #require(isIt, "\(name) should be \(state)")
    }

    @Test func `a node is told to be quiet, to go on, and to stop`() async throws {
        let stint = try await Command.shared()
        let name = queue
        let worker = try await stint.worker(
            queue, "--echo", "--name", name, "--label", "gpu", "--label", "eu", "--build", "7")
        try await wait(stint, name, for: "working")
        let entry = try #require(try await node(stint, name))
        #expect(entry["labels"] as? [String] == ["gpu", "eu"] && entry["build"] as? String == "7")
        #expect(entry["types"] is NSNull && entry["abandoned"] as? Int == 0)
        let told = try await stint("node", "quiet", name)
        #expect(told.status == 0 && told.output.hasPrefix("\(name)/") && told.output.hasSuffix(" told to be quiet\n"))
        try await wait(stint, name, for: "quiet")
        let line = try #require(try await stint("node", "ls").lines.first { $0.hasPrefix(name + "/") })
        #expect(line.contains(" quiet ") && line.contains("gpu,eu"))
        try #require(try await stint("enqueue", queue, "a").status == 0)
        // It is drained because it has not claimed that one.
        let drained = try await stint("node", "drain", name, "--json").object()
        #expect(drained["drained"] as? Bool == true)
        #expect(try await stint.count("ready", queue) == 1)
        let resumed = try await stint("node", "resume", name, "--json").object()
        #expect((resumed["nodes"] as? [String])?.count == 1)
        _ = try await worker.output.first { $0 == "a" }
        #expect(try await stint("node", "stop", name).status == 0)
        // As by a SIGTERM.
        #expect(try await worker.waitForExit() == .code(0))
        #expect(try await node(stint, name) == nil)
    }

    @Test func `a drain by build waits for running jobs, and says whether they have ended`() async throws {
        let stint = try await Command.shared()
        try await withDirectory { directory in
            try #require(try await stint("enqueue", queue, directory, "--id", "one").status == 0)
            let worker = try await stint.worker(
                queue, "--name", queue, "--build", queue, "--exec",
                "read -r d; echo x > $d/began; until test -e $d/go; do sleep 0.02; done")
            #expect(await eventually { FileManager.default.fileExists(atPath: directory + "/began") })
            try await wait(stint, queue, for: "working")
            let busy = try await stint("node", "drain", "--build", queue, "--timeout", "500ms")
            #expect(busy.status == 1 && busy.output.isEmpty)
            #expect(busy.errors.contains("holds 1 job"))
            try "".write(toFile: directory + "/go", atomically: true, encoding: .utf8)
            let drained = try await stint("node", "drain", "--build", queue, "--timeout", "1m")
            #expect(drained.status == 0 && drained.output == "1 node drained\n")
            #expect(try await stint.count("acked_total", queue) == 1)
            worker.signal(SIGTERM)
            #expect(try await worker.waitForExit() == .code(0))
        }
    }

    @Test func `where several nodes match it asks, and does it with yes`() async throws {
        let stint = try await Command.shared()
        var workers: [ChildProcess] = []
        for number in 1...2 {
            workers.append(try await stint.worker(queue, "--echo", "--name", "\(queue)-\(number)"))
            try await wait(stint, "\(queue)-\(number)", for: "working")
        }
        let asked = try await stint("node", "quiet", "--queue", queue)
        #expect(asked.status == 1 && asked.errors.contains("--yes"))
        #expect(try await node(stint, "\(queue)-1")?["state"] as? String == "working")
        let told = try await stint("node", "quiet", "--queue", queue, "--yes")
        #expect(told.status == 0 && told.lines.count == 2)
        for number in 1...2 { try await wait(stint, "\(queue)-\(number)", for: "quiet") }
        #expect(try await stint("node", "stop", "--queue", queue, "--yes").status == 0)
        for worker in workers { #expect(try await worker.waitForExit() == .code(0)) }
    }

    @Test func `a choice of no nodes, and no choice, are refused`() async throws {
        let stint = try await Command.shared()
        let nobody = try await stint("node", "quiet", "nobody-\(queue)")
        #expect(nobody.status == 1 && nobody.errors.hasPrefix("stint: no node matches"))
        for wrong in [["quiet"], ["stop"], ["drain", "a", "--all"], ["resume", "--queue", ""]] {
            #expect(try await stint(["node"] + wrong).status == 64)
        }
    }

    @Test func `a timed out process is ended, and has failed`() async throws {
        let stint = try await Command.shared()
        let id = try #require(
            try await stint("enqueue", queue, "a", "--timeout", "300ms", "--max-failures", "1").lines.first)
        let line = "{\"id\":\"two\",\"timeout\":\"1m\"}\n{\"id\":\"three\",\"timeout_ms\":60000,\"in\":\"1h\"}\n"
        try #require(try await stint("enqueue", queue, "--ndjson", "-", "--in", "1h", input: line).status == 0)
        for id in ["two", "three"] {
            #expect(try await stint("job", "show", queue, id, "--json").object()["timeout_ms"] as? Int == 60_000)
        }
        let worker = try await stint.worker(queue, "--exec", "exec sleep 60")
        #expect(await eventually { (try? await stint.count("dead", queue)) == 1 })
        let job = try await stint("job", "show", queue, id, "--json").object()
        #expect(job["reason"] as? String == "timed out after 300 ms")
        worker.signal(SIGTERM)
        #expect(try await worker.waitForExit() == .code(0))
        let twice = "{\"timeout\":\"1m\",\"timeout_ms\":1}\n"
        #expect(try await stint("enqueue", queue, "--ndjson", "-", input: twice).status == 65)
        #expect(try await stint("enqueue", queue, "a", "--timeout", "0s").status == 64)
    }
}
