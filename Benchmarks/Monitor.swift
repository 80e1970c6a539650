import NIOCore
import NIOPosix
import StintLua
import Synchronization

/// Counts what clients send to a server, by MONITOR: scripts by their names, other commands by theirs. What scripts do
/// inside is not counted. It costs the server something, so that nothing is timed meanwhile.
final class Monitor: Sendable {
    private final class Counter: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private struct State {
            var rest = ""
            var counts: [String: Int] = [:]
        }

        private let state = Mutex(State())
        private let names = Dictionary(uniqueKeysWithValues: Scripts.all.map { ($0.sha1, $0.name) })

        var counts: [String: Int] { state.withLock { $0.counts } }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            state.withLock { state in
                // CR LF is one character.
                var lines = (state.rest + text).replacing("\r\n", with: "\n").split(
                    separator: "\n", omittingEmptySubsequences: false)
                state.rest = String(lines.removeLast())
                for line in lines { if let name = name(in: line) { state.counts[name, default: 0] += 1 } }
            }
        }

        /// `+1700000000.000000 [0 127.0.0.1:1] "EVALSHA" "…" …`; `[0 lua]` is a script's own.
        private func name(in line: Substring) -> String? {
            guard !line.contains(" lua] "), let start = line.firstIndex(of: "\"") else { return nil }
            let words = line[start...].split(separator: "\"", maxSplits: 4)
            guard let command = words.first?.lowercased() else { return nil }
            switch command {
            case "evalsha" where words.count > 2: return names[String(words[2])] ?? command
            // Its source, whose head names it.
            case "eval" where words.count > 2:
                return names.values.first { words[2].contains(" \($0).lua: ") } ?? command
            default: return command
            }
        }
    }

    private let counter = Counter()
    private let channel: any Channel

    init(socketPath: String) async throws {
        let counter = self.counter
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(counter) }
            .connect(unixDomainSocketPath: socketPath).get()
        try await channel.writeAndFlush(ByteBuffer(string: "MONITOR\r\n"))
    }

    /// Since the beginning.
    var counts: [String: Int] { counter.counts }

    func close() async throws { try await channel.close() }

    /// What is sent during `body`, and how long that took, in seconds.
    static func counting(_ socketPath: String, _ body: () async throws -> Void) async throws -> (
        counts: [String: Int], seconds: Double
    ) {
        let monitor = try await Monitor(socketPath: socketPath)
        let began = ContinuousClock.now
        try await body()
        // What was sent last may still be on its way here.
        try await Task.sleep(for: .milliseconds(50))
        let result = (monitor.counts, (ContinuousClock.now - began) / .seconds(1))
        try await monitor.close()
        return result
    }
}
