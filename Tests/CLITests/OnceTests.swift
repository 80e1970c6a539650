import Foundation
import StintLocal
import StintTesting
import Testing

/// `stint once` in the programs of `stint work --exec`.
@Suite struct OnceTests {
    private let queue = RedisServer.uniqueQueue("once")
}

extension OnceTests {
    /// A worker whose programs find `stint` by its path.
    private func work(_ script: String, _ directory: String, until count: String) async throws -> Command {
        let stint = try await Command.shared()
        let id = try #require(try await stint("enqueue", queue, directory, "--retry", "fixed:100ms").lines.first)
        let worker = try await stint.worker(queue, "--exec", "read -r d; stint=\(Command.path); " + script)
        #expect(await eventually { (try? await stint.count(count, queue)) == 1 }, "\(id)")
        worker.signal(SIGTERM)
        #expect(try await worker.waitForExit() == .code(0))
        return stint
    }

    private func text(_ directory: String, _ name: String) throws -> String {
        try String(contentsOfFile: directory + "/" + name, encoding: .utf8)
    }

    @Test func `a step is done once, and later runs get what it printed`() async throws {
        try await withDirectory { directory in
            let stint = try await work(
                #"""
                paid=$($stint once charge -- sh -c 'echo ran >> $0/ran; echo "paid $STINT_IDEMPOTENCY_KEY"' $d) || exit
                echo "$STINT_ATTEMPT $paid" >> $d/got; [ $STINT_ATTEMPT = 2 ]
                """#, directory, until: "done")
            #expect(try text(directory, "ran") == "ran\n")
            let got = try text(directory, "got").split(separator: "\n")
            try #require(got.count == 2)
            #expect(got[0].dropFirst(2) == got[1].dropFirst(2))
            #expect(got[0].hasPrefix("1 paid \(queue)/") && got[0].hasSuffix("/charge"))
            #expect(try await stint.count("nacked_total", queue) == 1)
        }
    }

    @Test func `a command that fails is run again, and passes on its status and what it printed`() async throws {
        try await withDirectory { directory in
            _ = try await work(
                #"""
                $stint once step -- sh -c 'echo "try $1"; exit $((2 - $1))' - $STINT_ATTEMPT >> $d/out; s=$?
                echo $s >> $d/status; exit $s
                """#, directory, until: "done")
            #expect(try text(directory, "status") == "1\n0\n")
            #expect(try text(directory, "out") == "try 1\ntry 2\n")
        }
    }

    @Test func `a command that a signal ends fails with 128 and its number, and one that is missing with 1`()
        async throws
    {
        try await withDirectory { directory in
            _ = try await work(
                """
                $stint once a -- sh -c 'kill -9 $$'; echo $? >> $d/status
                $stint once b -- /no/such/program 2> $d/errors; echo $? >> $d/status
                """, directory, until: "done")
            #expect(try text(directory, "status") == "137\n1\n")
            #expect(try text(directory, "errors").contains("/no/such/program cannot be started"))
        }
    }

    @Test func `more output than can be noted is an error that says so`() async throws {
        try await withDirectory { directory in
            _ = try await work(
                """
                $stint once big -- head -c 65000 /dev/zero > $d/big; echo $? >> $d/status
                $stint once huge -- head -c 70000 /dev/zero > $d/huge 2> $d/errors; echo $? >> $d/status
                $stint once more -- head -c 1000 /dev/zero > $d/more 2>> $d/errors; echo $? >> $d/status
                """, directory, until: "done")
            #expect(try text(directory, "status") == "0\n1\n1\n")
            #expect(try text(directory, "big").utf8.count == 65_000)
            #expect(try text(directory, "huge").isEmpty && text(directory, "more").isEmpty)
            #expect(
                try text(directory, "errors").split(separator: "\n").count {
                    $0.contains("64 KiB") || $0.contains("65536")
                } == 2)
        }
    }

    @Test func `it finds the Redis that options of the worker have named`() async throws {
        let stint = Command()
        let url = try await RedisServer.shared().url
        try await withDirectory { directory in
            let options = ["--redis", url, "--prefix", RedisServer.uniqueQueue("p")]
            _ = try await stint(["enqueue", queue, directory] + options)
            let script = "read -r d; \(Command.path) once step -- echo done > $d/out"
            let run = try await stint(["work", queue, "--exec", script, "--until-empty"] + options)
            #expect(run.status == 0, "\(run.errors)")
            #expect(try text(directory, "out") == "done\n")
        }
    }

    @Test func `outside of a job, and when the lease is over, it runs nothing`() async throws {
        let stint = try await Command.shared()
        let outside = try await stint("once", "step", "--", "echo", "ran")
        #expect(outside.status == 64 && outside.output.isEmpty)
        #expect(outside.errors.contains("STINT_QUEUE is not set"))
        #expect(outside.errors.contains("stint work --exec"))

        let id = try #require(try await stint("enqueue", queue, "x").lines.first)
        let pulled = try #require(try await stint("pull", queue, "--json").objects().first)
        var variables = stint.environment
        variables["STINT_QUEUE"] = queue
        variables["STINT_JOB_ID"] = id
        variables["STINT_CONSUMER_ID"] = try #require(pulled["consumer"] as? String)
        let token = try #require(pulled["token"] as? Int)
        variables["STINT_TOKEN"] = String(token - 1)
        let late = try await Command(environment: variables)("once", "step", "--", "echo", "ran")
        #expect(late.status == 1 && late.output.isEmpty)
        #expect(late.errors.contains("the lease of this run is over"))
        variables["STINT_TOKEN"] = "seven"
        let wrong = try await Command(environment: variables)("once", "step", "--", "echo", "ran")
        #expect(wrong.status == 64 && wrong.errors.contains("STINT_TOKEN"))
        variables["STINT_TOKEN"] = String(token)
        let held = try await Command(environment: variables)("once", "step", "--", "echo", "ran")
        #expect(held.status == 0 && held.output == "ran\n", "\(held.errors)")
    }

    @Test(arguments: ["", "two words", String(repeating: "x", count: 129)])
    func `a step's name that is none is refused`(_ name: String) async throws {
        let result = try await Command.shared()("once", name, "--", "echo")
        #expect(result.status == 64)
    }
}
