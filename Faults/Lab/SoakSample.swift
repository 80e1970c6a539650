import Foundation
import StintCore
import StintLocal
import StintStore

/// The figures of one moment.
struct SoakSample: Sendable {
    let seconds: Double
    let acked: Int
    let waiting: Int
    /// Of the largest node.
    let nodeBytes: Int
    let nodeDescriptors: Int
    let serverBytes: Int
    let serverDescriptors: Int
    let keys: Int

    static func take(_ lab: Lab, since began: ContinuousClock.Instant) async throws -> SoakSample {
        let stats = try await lab.stats()
        let pids = lab.living.map(\.process.pid)
        return SoakSample(
            seconds: (ContinuousClock.now - began).inSeconds, acked: stats.ackedTotal,
            waiting: stats.ready + stats.scheduled + stats.leased,
            nodeBytes: pids.compactMap(Memory.resident).max() ?? 0,
            nodeDescriptors: pids.compactMap(Memory.descriptors).max() ?? 0,
            serverBytes: Int(try await lab.client.info("memory")["used_memory"] ?? "") ?? 0,
            serverDescriptors: lab.server.pid.flatMap(Memory.descriptors) ?? 0,
            keys: Int(try await lab.redis("DBSIZE").first ?? "") ?? 0)
    }

    static let head = "   s     acked   waiting   node MB   node fds   Redis MB   Redis fds   keys"

    var line: String {
        String(
            format: "%4.0f %9d %9d %9.1f %10d %10.1f %11d %6d", seconds, acked, waiting, Double(nodeBytes) / 1e6,
            nodeDescriptors, Double(serverBytes) / 1e6, serverDescriptors, keys)
    }

    struct Drift {
        let name: String
        let before: Double
        let after: Double
        /// What may be added without being a leak.
        let slack: Double

        var isFlat: Bool { after <= before * 1.2 + slack }

        var line: String {
            String(
                format: "%@ %@: %.1f in the second quarter, %.1f in the last", isFlat ? "flat   " : "GROWING",
                name.padding(toLength: 18, withPad: " ", startingAt: 0), before, after)
        }
    }

    /// The last quarter beside the second. None where the sets of done jobs have not had the time to reach their size.
    static func drifts(_ samples: [SoakSample]) -> [Drift] {
        guard samples.count >= 12, samples.last?.acked ?? 0 >= 300_000 else { return [] }
        let quarter = samples.count / 4
        func drift(_ name: String, slack: Double, _ value: (SoakSample) -> Double) -> Drift {
            func mean(_ part: ArraySlice<SoakSample>) -> Double { part.map(value).reduce(0, +) / Double(part.count) }
            return Drift(
                name: name, before: mean(samples[quarter..<2 * quarter]), after: mean(samples.suffix(quarter)),
                slack: slack)
        }
        return [
            drift("node memory, MB", slack: 5) { Double($0.nodeBytes) / 1e6 },
            drift("node descriptors", slack: 4) { Double($0.nodeDescriptors) },
            // The done ids of one set more, 65 bytes each.
            drift("Redis memory, MB", slack: 8) { Double($0.serverBytes) / 1e6 },
            drift("Redis descriptors", slack: 10) { Double($0.serverDescriptors) },
            drift("keys", slack: 4) { Double($0.keys) },
        ]
    }
}
