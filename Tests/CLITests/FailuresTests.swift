import Foundation
import StintLocal
import StintTesting
import Testing

struct FailuresTests {
    let queue = RedisServer.uniqueQueue()

    /// Dead jobs whose handler said a number that differs from job to job: as many as it is told, of each type.
    private func bury(_ stint: Command, _ types: [String: Int]) async throws {
        var input = ""
        for (type, count) in types {
            for index in 1...count {
                input += "{\"id\":\"\(type)-\(index)\",\"type\":\"\(type)\",\"payload\":\"\(index)\"}\n"
            }
        }
        try #require(try await stint("enqueue", queue, "--ndjson", "-", input: input).status == 0)
        let line = "read -r n; echo \"$STINT_TYPE error $n: no \\\"$n\\\"\" >&2; exit 65"
        try #require(try await stint("work", queue, "--exec", line, "--until-empty").status == 0)
        try #require(try await stint.count("dead", queue) == types.values.reduce(0, +))
    }

    @Test func `failures are grouped by what their errors have in common`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, ["mail": 3, "page": 2])
        let report = try await stint("job", "failures", queue, "--json").object()
        let groups = try #require(report["groups"] as? [[String: Any]])
        #expect(groups.map { $0["count"] as? Int } == [3, 2])
        #expect(groups.map { $0["dead"] as? Int } == [3, 2])
        #expect(groups.map { $0["types"] as? [String: Int] } == [["mail": 3], ["page": 2]])
        #expect((groups[0]["fingerprint"] as? String)?.contains("mail error N: no \"S\"") == true)
        #expect((groups[0]["sample"] as? String)?.hasPrefix("mail-") == true)
        #expect((groups[0]["first_ms"] as? Int ?? .max) <= (groups[0]["last_ms"] as? Int ?? 0))
        let lines = try await stint("job", "failures", queue).lines
        #expect(lines.count == 3 && lines[0].hasPrefix("JOBS") && lines[1].hasSuffix("mail error N: no \"S\""))
        #expect(try await stint("job", "failures", RedisServer.uniqueQueue()).output == "no failures\n")
    }

    @Test func `a retry takes the jobs that meet all conditions, and a dry run tells which`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, ["mail": 4, "page": 2])
        let preview = try await stint(
            "job", "retry", queue, "--all", "--type", "mail", "--limit", "3", "--dry-run", "--json"
        ).object()
        #expect(preview["count"] as? Int == 3 && preview["bytes"] as? Int == 3)
        #expect(preview["types"] as? [String: Int] == ["mail": 3])
        #expect((preview["samples"] as? [String])?.count == 3)
        #expect(try await stint.count("dead", queue) == 6)

        #expect(try await stint("job", "retry", queue, "--all", "--reason", "no \"4\"", "--yes").status == 0)
        #expect(try await state(stint, "mail-4") == "ready")
        let groups = try await stint("job", "failures", queue, "--json").object()["groups"] as? [[String: Any]]
        let fingerprint = try #require(groups?.first { ($0["types"] as? [String: Int])?["page"] == 2 })
        let retried = try await stint(
            "job", "retry", queue, "--all", "--reason", try #require(fingerprint["fingerprint"] as? String), "--yes")
        #expect(retried.output == "2 jobs of \(queue) are ready again\n")
        #expect(try await state(stint, "page-2") == "ready")
    }

    @Test func `conditions of time are those of the death`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, ["mail": 2])
        func count(_ condition: String, _ time: String) async throws -> Int? {
            try await stint("job", "retry", queue, "--all", condition, time, "--dry-run", "--json").object()["count"]
                as? Int
        }
        #expect(try await count("--before", "2020-01-01T00:00:00Z") == 0)
        #expect(try await count("--after", "2020-01-01T00:00:00Z") == 2)
        #expect(try await count("--after", "2999-01-01T00:00:00Z") == 0)
        #expect(try await stint("job", "retry", queue, "mail-1", "--type", "mail").status == 64)
        #expect(try await stint("job", "retry", queue, "--all", "--rate", "fast").status == 64)
    }

    @Test func `more than one job is asked for, with a preview`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, ["mail": 2])
        let refused = try await stint("job", "retry", queue, "--all")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("2 dead jobs of \(queue) would be ready again, 2 bytes of payload"))
        #expect(refused.errors.contains("types   mail 2"))
        #expect(refused.errors.contains("--yes"))
        #expect(try await stint("job", "retry", queue, "--all", "--limit", "1").status == 0)
        #expect(try await stint.count("dead", queue) == 1)
    }

    @Test func `a retry with a rate can be interrupted, and says how far it came`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, ["mail": 5])
        let child = try await stint.start("job", "retry", queue, "--all", "--rate", "6/m", "--yes")
        #expect(await eventually { (try? await stint.count("ready", queue)) == 1 })
        child.signal(SIGINT)
        #expect(try await child.waitForExit() == .code(130))
        let said = try await child.output.first { _ in true }
        #expect(said == "1 job of \(queue) is ready again; interrupted, 4 are still dead")
        #expect(try await stint.count("dead", queue) == 4)
    }

    @Test func `a retry may bring another payload, and an edit one without a retry`() async throws {
        let stint = try await Command.shared()
        try await bury(stint, ["mail": 3])
        try await withDirectory { directory in
            try "fixed".write(toFile: directory + "/payload", atomically: true, encoding: .utf8)
            let retried = try await stint("job", "retry", queue, "mail-1", "--payload", directory + "/payload")
            #expect(retried.output == "mail-1 ready\n")
            #expect(try await payload(stint, "mail-1") == "fixed")
            let all = try await stint("job", "retry", queue, "--all", "--yes", "--payload", directory + "/payload")
            #expect(all.output == "2 jobs of \(queue) are ready again\n")
            #expect(try await payload(stint, "mail-3") == "fixed")
            #expect(try await stint("job", "retry", queue, "mail-1", "--payload", directory + "/none").status == 64)
        }
        let edited = try await stint("job", "edit", queue, "mail-1", "--payload", "-", input: "again")
        #expect(edited.output == "mail-1 has the new payload\n")
        #expect(try await payload(stint, "mail-1") == "again")
        let unknown = try await stint("job", "edit", queue, "nope", "--payload", "-", input: "again")
        #expect(unknown.status == 1 && unknown.errors == "stint: job nope is not known\n")
    }

    private func show(_ stint: Command, _ id: String) async throws -> [String: Any] {
        try await stint("job", "show", queue, id, "--json").object()
    }

    private func state(_ stint: Command, _ id: String) async throws -> String? {
        try await show(stint, id)["state"] as? String
    }

    private func payload(_ stint: Command, _ id: String) async throws -> String? {
        try await show(stint, id)["payload"] as? String
    }
}
