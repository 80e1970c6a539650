import Foundation

/// What this process has used, and what time it is for all processes of the machine.
package enum ProcessUse {
    private static var usage: rusage {
        var usage = rusage()
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #endif
        return usage
    }

    /// User and system time of all threads, µs.
    package static var cpuUs: Double {
        let usage = self.usage
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }

    /// The most memory that it ever had, bytes.
    ///
    /// Linux hands `ru_maxrss` on through fork and exec, so that a small child of a large process seems large.
    package static var peakMemory: Int {
        #if canImport(Darwin)
        return usage.ru_maxrss
        #else
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        return (kilobytes ?? usage.ru_maxrss) * 1024
        #endif
    }

    package static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// The monotonic clock that all processes of a machine share, ns.
    package static var monotonicNs: Int64 { now(CLOCK_MONOTONIC) }

    /// The wall clock, ns since 1970.
    package static var wallNs: Int64 { now(CLOCK_REALTIME) }
    package static var wallMs: Int64 { wallNs / 1_000_000 }

    private static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
