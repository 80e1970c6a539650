import Foundation
import StintTesting
import Testing

/// Payloads that are not for everybody's eyes.
struct PayloadTests {
    let queue = RedisServer.uniqueQueue()

    /// A directory with the key files `old`, `new` (the new key, then the old one) and `bad`.
    private func withKeys(_ body: (String) async throws -> Void) async throws {
        try await withDirectory { directory in
            let (old, new) = (Data(repeating: 1, count: 32), Data(repeating: 2, count: 32))
            func write(_ name: String, _ text: String) throws {
                try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
            }
            try write("old", "2026-05 \(old.base64EncodedString())\n")
            try write("new", "2026-11 \(new.base64EncodedString())\n2026-05 \(old.base64EncodedString())\n")
            try write("bad", "2026-05 c2VjcmV0\n")
            try await body(directory)
        }
    }

    @Test func `an encrypted payload is shown to nobody who does not ask for it with the key`() async throws {
        let stint = try await Command.shared()
        try await withKeys { directory in
            let id = try #require(
                try await stint("enqueue", queue, "4111", "--payload-keys", directory + "/old").lines.first)
            let page = try await stint("job", "show", queue, id)
            #expect(page.output.hasSuffix("\n<encrypted with key 2026-05, 49 bytes>\n"))
            let object = try await stint("job", "show", queue, id, "--json").object()
            #expect(object["payload"] is NSNull)
            #expect(object["payload_base64"] == nil)
            #expect(object["payload_bytes"] as? Int == 49)
            #expect((object["codec"] as? String)?.hasPrefix("aes-gcm:2026-05:") == true)
            #expect(try await stint("job", "ls", queue).output.contains("<encrypted with key 2026-05, 49 bytes>"))
            let revealed = try await stint("job", "show", queue, id, "--reveal", "--payload-keys", directory + "/new")
            #expect(revealed.output.hasSuffix("\n4111\n"))
            let blind = try await stint("job", "show", queue, id, "--reveal")
            #expect(blind.status == 1)
            #expect(blind.errors.contains("--payload-keys"))
        }
    }

    @Test func `an encrypted payload is not edited, and it is said what to do instead`() async throws {
        let stint = try await Command.shared()
        try await withKeys { directory in
            let id = try #require(
                try await stint("enqueue", queue, "4111", "--payload-keys", directory + "/old").lines.first)
            let edit = try await stint("job", "edit", queue, id, "--payload", "-", input: "4242")
            #expect(edit.status == 1)
            #expect((edit.output + edit.errors).contains("left as it is: cancel it, and enqueue another"))
            let kept = try await stint("job", "show", queue, id, "--reveal", "--payload-keys", directory + "/old")
            #expect(kept.output.hasSuffix("\n4111\n"))
        }
    }

    @Test func `nodes with the key run encrypted jobs, also by the variable, and those of the key before`() async throws
    {
        var stint = try await Command.shared()
        try await withKeys { directory in
            let first = try await stint("enqueue", queue, "one", "--payload-keys", directory + "/old")
            stint.environment["STINT_PAYLOAD_KEYS"] = directory + "/new"
            let lines = try await stint("enqueue", queue, "--lines", "-", input: "two\nthree\n")
            #expect((first.status, lines.status) == (0, 0))
            let job = try await stint("job", "show", queue, try #require(lines.lines.first), "--json").object()
            #expect((job["codec"] as? String)?.hasPrefix("aes-gcm:2026-11:") == true)
            let work = try await stint("work", queue, "--echo", "--until-empty", "--concurrency", "1")
            #expect(work.lines == ["one", "two", "three"])
        }
    }

    @Test func `a command gets the payload as it was before`() async throws {
        var stint = try await Command.shared()
        try await withKeys { directory in
            stint.environment["STINT_PAYLOAD_KEYS"] = directory + "/new"
            _ = try await stint("enqueue", queue, "hello")
            let work = try await stint("work", queue, "--exec", "cat", "--until-empty")
            #expect(work.output.contains("hello"))
        }
    }

    @Test func `what steps and results of an encrypted job come to is encrypted, too`() async throws {
        let stint = try await Command.shared()
        try await withKeys { directory in
            let keys = ["--payload-keys", directory + "/new"]
            let id = try #require(
                try await stint(["enqueue", queue, "x", "--keep-result", "10m", "--retry", "fixed:1ms"] + keys).lines
                    .first)
            let socket = try await RedisServer.shared().socketPath
            let script = """
                p=$(\(Command.path) once pay -- sh -c 'echo ran >> \(directory)/ran; echo paid 4111') || exit 9
                echo $p; [ $STINT_ATTEMPT = 2 ] && exit
                redis-cli -s \(socket) hget 'stint:{\(queue)}:effects' $STINT_JOB_ID > \(directory)/noted; exit 1
                """
            let work = try await stint(["work", queue, "--exec", script, "--until-empty"] + keys)
            #expect(work.output == "paid 4111\npaid 4111\n", "\(work.errors)")
            let noted = try Data(contentsOf: URL(fileURLWithPath: directory + "/noted"))
            let text = String(decoding: noted, as: UTF8.self)
            #expect(text.contains("stint aes-gcm:2026-11:") && !text.contains("4111"))
            #expect(try String(contentsOfFile: directory + "/ran", encoding: .utf8) == "ran\n")
            #expect(try await stint(["job", "result", queue, id] + keys).output == "paid 4111\n")
            let blind = try await stint("job", "result", queue, id)
            #expect(blind.status == 1 && blind.output.isEmpty && blind.errors.contains("--payload-keys"))
        }
    }

    @Test func `with --encrypted-only plain jobs are buried`() async throws {
        let stint = try await Command.shared()
        try await withKeys { directory in
            let id = try #require(try await stint("enqueue", queue, "plain").lines.first)
            let keys = ["--payload-keys", directory + "/new"]
            let work = try await stint(["work", queue, "--echo", "--until-empty", "--encrypted-only"] + keys)
            #expect((work.status, work.output) == (0, ""))
            #expect(try await stint("job", "show", queue, id, "--json").object()["state"] as? String == "dead")
            let without = try await stint("work", queue, "--echo", "--encrypted-only")
            #expect(without.status == 64)
        }
    }

    @Test func `keys that cannot be read are refused, and not quoted`() async throws {
        let stint = try await Command.shared()
        try await withKeys { directory in
            let bad = try await stint("enqueue", queue, "x", "--payload-keys", directory + "/bad")
            #expect(bad.status == 64)
            #expect(bad.errors.contains("line 1 of"))
            #expect(!bad.errors.contains("c2VjcmV0"))
            let missing = try await stint("enqueue", queue, "x", "--payload-keys", directory + "/none")
            #expect(missing.status == 64)
            #expect(try await stint.count("enqueued_total", queue) == 0)
        }
    }

    @Test func `a sensitive payload is masked until somebody reveals it`() async throws {
        let stint = try await Command.shared()
        let id = try #require(try await stint("enqueue", queue, "4111", "--sensitive").lines.first)
        let page = try await stint("job", "show", queue, id)
        #expect(page.output.hasSuffix("\n<sensitive, 4 bytes>\n"))
        let object = try await stint("job", "show", queue, id, "--json").object()
        #expect(object["payload"] is NSNull)
        #expect((object["payload_bytes"] as? Int, object["sensitive"] as? Bool) == (4, true))
        let list = try await stint("job", "ls", queue)
        #expect(list.output.contains("<sensitive, 4 bytes>"))
        #expect(!list.output.contains("4111"))
        #expect(try await !stint("job", "ls", queue, "--json").output.contains("4111"))
        #expect(try await stint("job", "show", queue, id, "--reveal").output.hasSuffix("\n4111\n"))
        #expect(
            try await stint("job", "show", queue, id, "--reveal", "--json").object()["payload"] as? String == "4111")
    }

    @Test func `echo masks what is sensitive, unless it is told not to`() async throws {
        let stint = try await Command.shared()
        let line = #"{"payload":"4111","sensitive":true}"#
        _ = try await stint("enqueue", queue, "--ndjson", "-", input: line + "\n" + #"{"payload":"open"}"#)
        let masked = try await stint("work", queue, "--echo", "--until-empty", "--concurrency", "1")
        #expect(masked.lines == ["<sensitive, 4 bytes>", "open"])
        _ = try await stint("enqueue", queue, "--ndjson", "-", input: line)
        let object = try await stint("work", queue, "--echo", "--until-empty", "--json").object()
        #expect(object["payload"] is NSNull)
        #expect(object["payload_bytes"] as? Int == 4)
        _ = try await stint("enqueue", queue, "--ndjson", "-", input: line)
        let revealed = try await stint("work", queue, "--echo", "--until-empty", "--reveal")
        #expect(revealed.lines == ["4111"])
    }

    @Test func `sensitive is true or false`() async throws {
        let stint = try await Command.shared()
        let result = try await stint("enqueue", queue, "--ndjson", "-", input: #"{"sensitive":"yes"}"#)
        #expect(result.status == 65)
        #expect(result.errors.contains("its sensitive is not true or false"))
    }
}
