package import StintLua
package import StintStore
import Synchronization

/// Says what time it is, to the model and to Redis.
package protocol TestClock: Sendable {
    /// What the store calls in the place of the shipped scripts; `nil` = the shipped ones.
    var stage: ScriptStage? { get }
    func set(us: Int64) throws
}

/// The time is an argument of the scripts: they are the shipped ones with another clock at their head.
package final class ArgumentClock: TestClock {
    /// In the place of `Lua/include/clock.lua`.
    package static let include = """
        -- The time is the last argument, µs since 1970.
        local now_us = tonumber(ARGV[#ARGV])
        ARGV[#ARGV] = nil
        local now_ms = math.floor(now_us / 1000)

        """

    /// The scripts that read a clock, by their names.
    package static let scripts = changed(ScriptFiles.all)

    private static func changed(_ files: [String: String]) -> [String: Script] {
        var files = files
        files["clock"] = include
        let staged = Scripts.all.map { Script(name: $0.name, files: files) }
        let changed = zip(staged, Scripts.all).filter { $0.source != $1.source }.map { $0.0 }
        return Dictionary(uniqueKeysWithValues: changed.map { ($0.name, $0) })
    }

    private let nowUs = Atomic<Int64>(0)
    private let scripts: [String: Script]

    /// - Parameter files: others than the shipped ones are mutants.
    package init(files: [String: String]? = nil) {
        scripts = files.map(Self.changed) ?? Self.scripts
    }

    package var stage: ScriptStage? {
        ScriptStage(scripts: scripts) { [self] name in
            Self.scripts[name] == nil ? nil : nowUs.load(ordering: .relaxed)
        }
    }

    package func set(us: Int64) { nowUs.store(us, ordering: .relaxed) }
}
