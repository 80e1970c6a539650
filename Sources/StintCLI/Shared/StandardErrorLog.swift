import Foundation
import Logging

/// Log lines for people on standard error: `12:00:01 warning redis connection lost  redis=…`. Control characters
/// are replaced: what is logged may come from jobs.
struct StandardErrorLog: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(_ level: Logger.Level) { self.logLevel = level }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata.merging(metadataProvider?.get() ?? [:]) { _, new in new }
        all.merge(event.metadata ?? [:]) { _, new in new }
        var now = time_t(Date().timeIntervalSince1970)
        var local = tm()
        localtime_r(&now, &local)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        var line = "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec)) \(event.level) \(event.message)"
        if !all.isEmpty { line += " " }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        Console.note(line)
    }
}
