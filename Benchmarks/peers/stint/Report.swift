import Foundation
import Synchronization

/// What job.py is to the peers in Python: the payloads of 200 bytes, and what the handler does first.
enum Report {
    private static let environment = ProcessInfo.processInfo.environment
    private static let expected = Int(environment["PEER_JOBS"] ?? "") ?? 0
    private static let count = Atomic(0)
    private static let file = environment["PEER_REPORT"].flatMap(FileHandle.init(forWritingAtPath:))

    static func payload(_ kind: String, stampNs: Int64 = 0) -> String {
        let head = "\(kind) \(stampNs) "
        return head + String(repeating: "x", count: 200 - head.utf8.count)
    }

    /// - Returns: whether the job is to go on running.
    static func started(_ text: String) -> Bool {
        let now = nowNs()
        switch text.utf8.first {
        case UInt8(ascii: "n"):
            let number = count.add(1, ordering: .relaxed).newValue
            if number == 1 { say("began \(now) \(cpuUs()) \(getpid())") }
            if number == expected { say("ended \(now) \(cpuUs()) \(getpid())") }
        case UInt8(ascii: "w"):
            break
        default:
            say(text.split(separator: " ").prefix(2).joined(separator: " ") + " \(now)")
        }
        return text.utf8.first == UInt8(ascii: "h")
    }

    static func nowNs() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func cpuUs() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    private static func say(_ line: String) {
        file?.write(Data((line + "\n").utf8))
    }
}
