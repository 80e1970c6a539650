import FaultChecker
import Foundation
import StintCore
import StintLocal

/// F32, F33: clocks that are wrong.
extension Row {
    static let clockRows = [workerClocks, serverClock]

    private static let workerClocks = Row(
        "F32", "clocks of nodes and producers ten days ahead and an hour behind", needs: [.preload]
    ) { lab in
        let (hour, day) = (3600, 86_400)
        let shim = try await Machine.library("Faults/Lab/Shims/wall_clock.c", in: lab.directory)
        func clock(_ seconds: Int) -> [String: String?] { ["LD_PRELOAD": shim, "WALL_OFFSET_S": "\(seconds)"] }
        try await lab.startServer()
        for offset in [10 * day, -hour, 0] {
            try await lab.node(.with { ($0.environment, $0.lease) = (clock(offset), .seconds(4)) })
        }
        for offset in [hour, -10 * day] {
            _ = try await lab.produce(
                200, "slow:30=2,noop,fail:1", rate: 50, options: ["--delay-ms", "1500"], environment: clock(offset))
        }
        try await lab.drain()
        return .with { $0.duplicates = .none }
    }

    private static let serverClock = Row(
        "F33", "Redis' clock an hour ahead, back again, standing still", needs: [.preload]
    ) { lab in
        let clock = try await ServerClock(lab)
        try await lab.startServer(.init(persistence: .aofEverysec, environment: clock.environment))
        try await lab.nodes(3, .with { $0.lease = .seconds(4) })
        try await lab.produce(900, "slow:60=2,noop,fail:1", rate: 60)
        for step in [ServerClock.Step.shifted(seconds: 3600), .shifted(seconds: 0), .frozen, .shifted(seconds: 0)] {
            try await lab.wait(.milliseconds(2500))
            lab.log(.fault, "server clock", "\(step)")
            try clock.set(step)
        }
        try await lab.wait(.seconds(2))
        // While the clock was ahead retries were put an hour away; now they are.
        try clock.set(.shifted(seconds: 3600))
        try await lab.drain()
        return Promise()
    }
}

/// The wall clock of one server, moved by a library that is preloaded into it.
private final class ServerClock: Sendable {
    enum Step: Sendable {
        case shifted(seconds: Int64)
        case frozen
    }

    private let cell: String
    private let library: String

    init(_ lab: Lab) async throws {
        cell = lab.directory + "/clock"
        library = try await Machine.library("Tests/Support/ClockShim/clock_shim.c", in: lab.directory)
        try Data(count: 16).write(to: URL(filePath: cell))
    }

    var environment: [String: String] { ["LD_PRELOAD": library, "CLOCK_CELL": cell] }

    /// In place: the server has mapped the file.
    func set(_ step: Step) throws {
        let values: (Int64, Int64) =
            switch step {
            case .shifted(let seconds): (0, seconds * 1_000_000)
            case .frozen: (1, Int64(Date().timeIntervalSince1970 * 1_000_000))
            }
        guard let file = FileHandle(forUpdatingAtPath: cell) else { throw Broken("\(cell) is gone") }
        try withUnsafeBytes(of: values) { try file.write(contentsOf: Data($0)) }
        try file.close()
    }
}
