import FaultChecker

/// One row of the fault matrix.
struct Row: Sendable {
    /// F1 to F46.
    let name: String
    let fault: String
    /// Part of the short selection.
    var isShort = false
    /// What the row needs beside a server; where it is missing the row is skipped.
    var needs: [Machine.Need] = []
    /// Why the row is not there yet.
    var open: String?
    /// The longest that it may take, the look at the outcome included.
    var budget = Duration.seconds(90)
    /// Sets up, injects, and says what has to hold. Processes that it leaves running are stopped by the engine.
    var play: @Sendable (Lab) async throws -> Promise = { _ in Promise() }

    init(
        _ name: String, _ fault: String, isShort: Bool = false, needs: [Machine.Need] = [],
        budget: Duration = .seconds(90), play: @escaping @Sendable (Lab) async throws -> Promise
    ) {
        (self.name, self.fault, self.isShort, self.needs) = (name, fault, isShort, needs)
        (self.budget, self.play) = (budget, play)
    }

    init(_ name: String, _ fault: String, open: String) {
        (self.name, self.fault, self.open) = (name, fault, open)
    }

    static let all =
        (nodeRows + serverRows + connectionRows + storageRows + clockRows + inputRows + accessRows + openRows)
        .sorted { $0.number < $1.number }

    var number: Int { Int(name.dropFirst()) ?? 0 }
}

/// Thrown by a row that cannot be played here.
struct Skip: Error {
    let why: String

    init(_ why: String) { self.why = why }
}

/// Thrown by a row that needs something which Stint does not have yet.
struct Open: Error {
    let why: String

    init(_ why: String) { self.why = why }
}

/// Thrown by a row that found something which no history shows.
struct Broken: Error, CustomStringConvertible {
    let description: String

    init(_ what: String) { description = what }
}

/// What became of a row.
struct RowResult: Codable, Sendable {
    enum Status: String, Codable, Sendable {
        case ok, failed, skipped, open
    }

    var row: String
    var fault: String
    var status: Status
    var why: String?
    var verdict = Verdict()
    var notes: [String] = []
    var seconds = 0.0

    init(_ row: Row, _ status: Status, _ why: String? = nil) {
        (self.row, self.fault, self.status, self.why) = (row.name, row.fault, status, why)
    }
}
