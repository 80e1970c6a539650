import Foundation
import StintLocal
import StintTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ChildProcessTests {
    @Test func `lines of both outputs are read and the exit code is told`() async throws {
        let child = try await ChildProcess.spawn("/bin/sh", ["-c", "echo one; echo two >&2; echo three; exit 7"])
        #expect(try await child.waitForExit() == .code(7))
        #expect(child.output.soFar == ["one", "three"])
        #expect(child.errorOutput.soFar == ["two"])
        #expect(!child.isRunning)
        #expect(!child.signal(SIGTERM))
    }

    @Test func `a line can be waited for, and its absence is an error that shows what came instead`() async throws {
        let child = try await ChildProcess.spawn("/bin/sh", ["-c", "echo ready; read _; echo bye"])
        #expect(try await child.output.first { $0 == "ready" } == "ready")
        await #expect(throws: OutputLines.NoSuchLine.self) {
            try await child.output.first(within: .milliseconds(10)) { $0 == "bye" }
        }
        child.closeInput()
        #expect(try await child.output.first { $0 == "bye" } == "bye")
        let error = await #expect(throws: OutputLines.NoSuchLine.self) {
            try await child.output.first { $0 == "never" }
        }
        #expect(error?.description.contains("bye") == true)
    }

    @Test func `a signal is the exit`() async throws {
        let child = try await ChildProcess.spawn("/bin/cat")
        #expect(child.isRunning)
        #expect(child.signal(SIGKILL))
        #expect(try await child.waitForExit() == .signal(SIGKILL))
    }

    @Test func `a grandchild that holds the output open does not hide the end of the child`() async throws {
        let child = try await ChildProcess.spawn("/bin/sh", ["-c", "exec 3<&0; cat <&3 & echo $!; kill -9 $$"])
        #expect(try await child.waitForExit() == .signal(SIGKILL))
        let grandchild = try #require(child.output.soFar.first.flatMap { Int32($0) })
        kill(grandchild, SIGKILL)
    }

    @Test func `the environment can be changed and cleared`() async throws {
        let child = try await ChildProcess.spawn(
            "/bin/sh", ["-c", #"echo "$STINT_MARK-${HOME-unset}""#], environment: ["STINT_MARK": "7", "HOME": nil])
        #expect(try await child.output.first { _ in true } == "7-unset")
    }

    @Test func `a program that is not there is an error`() async throws {
        await #expect(throws: (any Error).self) { try await ChildProcess.spawn("/nowhere/program") }
    }

    @Test func `built products are found next to the tests`() {
        #expect(FileManager.default.isExecutableFile(atPath: BuiltProducts.executable("stint")))
    }
}

@Suite(.timeLimit(.minutes(5)))
struct RedisServerTests {
    @Test func `all tests of a process share one server`() async throws {
        async let first = RedisServer.shared()
        async let second = RedisServer.shared()
        let pids = (try await first.pid, try await second.pid)
        #expect(pids.0 != nil && pids.0 == pids.1)
        #expect(RedisServer.uniqueQueue("mail") != RedisServer.uniqueQueue("mail"))
    }
}
