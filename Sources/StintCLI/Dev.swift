import ArgumentParser
import StintCore
import StintLocal

struct Dev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The private Redis of this user: start, stop or look at it.",
        discussion: """
            It listens on a Unix socket and on no network, keeps its data in the user's state directory \
            (STINT_STATE_DIR), and is what every command uses that is not told of another Redis.
            """,
        subcommands: [Start.self, Stop.self, Status.self], defaultSubcommand: Start.self
    )

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start it, if it does not run.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let local = try LocalRedis()
            let url = try await local.start()
            let status = try await local.status()
            try output.print(
                status.json,
                else: """
                    A private Redis runs at \(url)
                    Its data is in \(status.directory)

                      stint enqueue hello world
                      stint work hello --echo
                      stint dev stop

                    For programs: export STINT_REDIS_URL='\(url)'

                    """)
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop it. Its data stays.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let stopped = try await LocalRedis().stop()
            try output.print(
                .object([("stopped", .bool(stopped))]),
                else: stopped
                    ? "The private Redis has stopped; its data stays.\n" : "The private Redis was not running.\n")
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Whether it runs, and where.")
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let status = try await LocalRedis().status()
            var text = "The private Redis is not running; its data is in \(status.directory)\n"
            if status.isRunning {
                text = """
                    url      \(status.url)
                    data     \(status.directory)
                    pid      \(status.pid.map(String.init) ?? "?")
                    version  \(status.version ?? "?")
                    uptime   \(status.uptime.map(Printable.duration) ?? "?")
                    memory   \((status.memoryBytes ?? 0) / 1024) KiB

                    """
            }
            try output.print(status.json, else: text)
        }
    }
}

extension LocalRedis.Status {
    fileprivate var json: JSON {
        .object([
            ("running", .bool(isRunning)), ("url", .string(url)), ("directory", .string(directory)),
            ("pid", .optional(pid.map(Int64.init))), ("version", .optional(version)), ("uptime_ms", .ms(uptime)),
            ("memory_bytes", .optional(memoryBytes.map(Int64.init))),
        ])
    }
}
