import ArgumentParser

/// The `stint` command: parses, runs, and turns whatever is thrown into one line and an exit status.
@main
struct StintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stint",
        abstract: "A distributed job scheduler with leases, on Redis.",
        discussion: """
            EXAMPLES
              stint enqueue mail '{"to":"ada"}'        enqueue one job
              seq 1000 | stint enqueue numbers --lines -
              stint work mail --exec ./send.sh         run one process for each job
              stint work numbers --echo --until-empty
              stint stats --watch                      queues at a glance
              stint watch mail                         what happens to jobs, as it happens
              stint job ls mail --state dead
              stint job why mail ID                    why does it not run?
              stint job retry mail --all

            WORDS
              A job is some bytes in a queue. A node (stint work) claims it under a lease, which it extends while the \
            job runs. When a node dies its leases lapse and other nodes run the jobs again: handlers must bear a \
            repetition. A job that has failed or lapsed too often is dead, and kept to be looked at and retried.

            REDIS
              --redis URL, else STINT_REDIS_URL, else a private Redis of this user, started on demand (see stint dev).

            EXIT STATUS
            \(ExitStatus.table)
            """,
        version: Version.current,
        subcommands: [
            Dev.self, Enqueue.self, Work.self, Once.self, Pull.self, Stats.self, WatchCommand.self, JobCommand.self,
            QueueCommand.self,
            NodeCommand.self,
            Fsck.self,
            Bench.self, Demo.self, Completions.self,
        ]
    )

    static func main() async {
        Console.ignoreBrokenPipes()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
        Console.flush()
    }

    private static func end(with error: any Error) -> Never {
        if let failure = CommandError(error) {
            if !failure.message.isEmpty { Console.note("stint: \(failure)") }
            failure.status.exit()
        }
        // Help, the version, and usage errors are the parser's own.
        let text = fullMessage(for: error)
        let code = exitCode(for: error)
        if code == .success {
            try? Console.write(text.hasSuffix("\n") ? text : text + "\n")
        } else if !text.isEmpty {
            Console.note("stint: " + (text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text), isOneLine: false)
        }
        Console.flush()
        exit(withError: code)
    }
}

enum Version {
    static let current = "0.1.0"
}
