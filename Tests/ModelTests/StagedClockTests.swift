import StintLua
import Testing
import stint_model

/// The model test runs the shipped scripts with another clock. That nothing else about them is another, and that no shipped
/// script lets its caller say what time it is, is shown here.
struct StagedClockTests {
    private static let clock = ScriptFiles.all["clock"] ?? ""

    @Test(arguments: Scripts.all.map(\.name))
    func `a script of the model test is the shipped one, but for the clock`(name: String) throws {
        let shipped = try #require(Scripts.all.first { $0.name == name }).source
        guard let staged = ArgumentClock.scripts[name]?.source else {
            #expect(!shipped.contains(Self.clock) && !shipped.contains("TIME"))
            return
        }
        let parts = shipped.split(separator: Self.clock, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "the clock stands in it once")
        #expect(parts.joined(separator: ArgumentClock.include) == staged)
    }

    @Test(arguments: Scripts.all.map(\.name))
    func `no shipped script is told the time`(name: String) throws {
        let shipped = try #require(Scripts.all.first { $0.name == name }).source
        let rest = shipped.split(separator: Self.clock, omittingEmptySubsequences: false).joined()
        #expect(Self.clock.contains("redis.call('TIME')") && !Self.clock.contains("ARGV"))
        for sets in ["now_us =", "now_ms =", "'TIME'"] { #expect(!rest.contains(sets)) }
    }
}
