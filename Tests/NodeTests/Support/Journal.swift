import Logging

/// What a node has logged.
final class Journal: Sendable {
    struct Entry: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: Logger.Metadata
    }

    private let notes = Notes<Entry>()

    fileprivate func add(_ entry: Entry) { notes.add(entry) }

    /// The entries whose message begins with these words.
    func entries(_ words: String) -> [Entry] { notes.all.filter { $0.message.hasPrefix(words) } }
}

struct JournalHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug
    private let journal: Journal

    init(_ journal: Journal) {
        self.journal = journal
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        journal.add(.init(level: event.level, message: "\(event.message)", metadata: all))
    }
}
