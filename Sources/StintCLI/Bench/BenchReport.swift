import Foundation
import StintBench
import StintCore

/// A measurement for people and for programs.
struct BenchReport {
    private let result: BenchResult

    init(_ result: BenchResult) { self.result = result }

    var text: String {
        var rates = Table([
            ("", .left), ("jobs/s", .right), ("Redis µs/job", .right), ("node µs/job", .right), ("Redis busy", .right),
            ("node busy", .right),
        ])
        for (name, phase) in phases {
            rates.add([
                name, Self.number(Int(phase.perSecond)), phase.redisUsPerJob.map(Self.decimal) ?? "?",
                Self.decimal(phase.cpuUsPerJob), phase.redisBusy.map(Self.percent) ?? "?", Self.percent(phase.cpuBusy),
            ])
        }
        var times = Table([("ms", .left), ("p50", .right), ("p99", .right), ("most", .right)])
        for (name, latency) in latencies {
            times.add([name] + [latency.p50Ms, latency.p99Ms, latency.mostMs].map(Self.decimal))
        }
        return rates.text + "\n" + times.text + "\n" + result.sentence + "\n"
    }

    var json: JSON {
        let plan = result.plan
        let head: [(String, JSON)] = [
            ("queue", .string(plan.queue.rawValue)), ("jobs", .int(plan.jobs)),
            ("payload_bytes", .int(plan.payloadBytes)),
            ("batch", .int(plan.batch)), ("concurrency", .int(plan.concurrency)), ("handler_ms", .ms(plan.handler)),
            ("singles", .int(plan.singles)),
        ]
        return .object(
            head + phases.map { ($0.0, Self.json($0.1)) }
                + latencies.map { ($0.0.replacing("-", with: "_").lowercased() + "_ms", Self.json($0.1)) }
                + [("limit", .string(result.limit.rawValue)), ("sentence", .string(result.sentence))])
    }

    private var phases: [(String, BenchPhase)] { [("enqueue", result.enqueue), ("process", result.process)] }

    private var latencies: [(String, LatencySummary)] {
        [("PING", result.roundTrip), ("pick-up", result.pickUp), ("lateness", result.lateness)]
    }

    private static func json(_ phase: BenchPhase) -> JSON {
        .object([
            ("jobs_per_second", .double(rounded(phase.perSecond))), ("seconds", .double(rounded(phase.seconds))),
            ("redis_us_per_job", phase.redisUsPerJob.map { .double(rounded($0)) } ?? .null),
            ("node_us_per_job", .double(rounded(phase.cpuUsPerJob))),
            ("redis_busy", phase.redisBusy.map { .double(rounded($0)) } ?? .null),
            ("node_busy", .double(rounded(phase.cpuBusy))),
        ])
    }

    private static func json(_ latency: LatencySummary) -> JSON {
        .object([
            ("count", .int(latency.count)), ("min", .double(rounded(latency.leastMs))),
            ("p50", .double(rounded(latency.p50Ms))), ("p99", .double(rounded(latency.p99Ms))),
            ("max", .double(rounded(latency.mostMs))),
        ])
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    private static func decimal(_ value: Double) -> String { String(format: "%.2f", value) }

    /// `12,345`.
    static func number(_ value: Int) -> String {
        value < 1000 ? "\(value)" : number(value / 1000) + "," + String(format: "%03d", value % 1000)
    }
}
