import Foundation
import StintLua
import Testing

/// The rules of `Lua/`, checked on the files themselves.
struct ScriptFileTests {
    static let all = LuaFile.scripts + LuaFile.includes

    @Test func `every file is in the index, and the index has no others`() {
        #expect(LuaFile.scripts.map(\.name) == Scripts.all.map(\.name).sorted())
        #expect(Set(Self.all.flatMap(\.includedNames)) == Set(LuaFile.includes.map(\.name)))
        #expect(Set(Self.all.map(\.name)).count == Self.all.count, "a script and an include share a name")
    }

    @Test(arguments: LuaFile.scripts) func `what is compiled in is the file with its includes`(file: LuaFile) throws {
        let files = Dictionary(uniqueKeysWithValues: Self.all.map { ($0.name, $0.text) })
        let script = try #require(Scripts.all.first { $0.name == file.name })
        #expect(script.source == (try ScriptLoader(files: files).expand(file.name)))
        #expect(!script.source.contains("@include"))
        #expect(script.sha1.wholeMatch(of: /[0-9a-f]{40}/) != nil)
    }

    @Test func `no two scripts have the same hash`() {
        #expect(Set(Scripts.all.map(\.sha1)).count == Scripts.all.count)
    }

    @Test(arguments: LuaFile.scripts) func `every script begins with its flags and a header that tells its contract`(
        file: LuaFile
    ) throws {
        #expect(file.lines[0].wholeMatch(of: /#!lua( flags=[a-z,-]+)?/) != nil)
        #expect(file.lines[1] == "--[[")
        let purpose = try #require(file.header.split(separator: "\n").first)
        #expect(purpose.hasPrefix("  \(file.name).lua: "))
        #expect(purpose.count > file.name.count + 20)
        for part in ["  KEYS[1]  ", "  Returns  ", "  Cost     O("] { #expect(file.header.contains("\n" + part)) }
    }

    @Test(arguments: LuaFile.scripts) func `the header names the keys and arguments that the code uses`(file: LuaFile) {
        let parts = LuaFile.includes.filter { file.includedNames.contains($0.name) }
        for body in [file.code] + parts.map(\.code) {
            let keys = Set(body.matches(of: /KEYS\[([^\]]*)\]/).map { $0.1 })
            #expect(keys.isSubset(of: file.name == "look" ? ["i"] : ["1"]))
        }
        let used = Set(file.code.matches(of: /ARGV\[(\d+)\]/).map { $0.1 })
        let told = Set(file.header.matches(of: /\n  ARGV\[(\d+)\]/).map { $0.1 })
        #expect(used == told)
        let usesMore = file.code.contains("ARGV") && file.code.firstMatch(of: /#ARGV|ARGV\[[a-z]|ARGV,/) != nil
        #expect(usesMore == file.header.contains("\n  ARGV     "))
    }

    @Test(arguments: all) func `the clock is the server's, read once, by one include`(file: LuaFile) {
        #expect(file.text.contains("'TIME'") == (file.name == "clock"))
        if file.name != "clock" {
            #expect(file.code.firstMatch(of: /now_(ms|us)\s*=[^=]/) == nil, "only the clock says what time it is")
        }
        #expect(file.code.firstMatch(of: /\bos\.|\bmath\.random/) == nil)
        if file.code.contains("now_ms") || file.code.contains("now_us"),
            LuaFile.scripts.contains(where: { $0.name == file.name })
        {
            #expect(file.includedNames.first == "clock")
        }
    }

    @Test func `the clock is read once in a script`() {
        for script in Scripts.all {
            #expect(script.source.split(separator: "call('TIME')").count <= 2, "\(script.name)")
        }
        let clock = LuaFile.includes.first { $0.name == "clock" }?.code ?? ""
        #expect(clock.matches(of: /redis\.call\(/).count == 1)
        #expect(!clock.contains("ARGV"))
    }

    @Test(arguments: all) func `no command that blocks, decays or looks everywhere`(file: LuaFile) {
        let refused = [
            "'KEYS'", "'SCAN'", "'DEL'", "'EXPIRE'", "'PEXPIRE'", "'SETEX'", "'FLUSH", "'HGETALL'", "'HKEYS'",
            "'HVALS'", "'SMEMBERS'",
            "'PUBLISH'", "'SELECT'", "cjson", "cmsgpack", "loadstring", "redis.replicate", "pcall", "tostring(",
        ]
        // What nobody reads must not stay for ever: the one list that is for a process, and not for a job.
        let allowed = file.name == "inbox" ? "'EXPIRE'" : ""
        for word in refused where word != allowed { #expect(!file.code.contains(word), "\(word)") }
    }

    /// What is unpacked, and why it is never more than a few thousand values, of which Lua takes 7,999.
    static let bounds = [
        "ids": "at most a checked limit, or a counted group", "held": "part of ids", "entries": "two for each of held",
        "args": "two for each id", "apart": "part of ids",
        "ids, first, last": "at most MAX_JOBS", "unused": "part of the deadlines of ids",
        "over": "two for each id, and ten",
        "args, 1, n": "two for each id of a group", "entries, 1, n": "two for each of ids", "gone": "LIMIT 0 100",
        "some": "READ_AT_ONCE", "ids, 1, taken": "part of ids", "claimed": "part of ids",
        "ids, n + 1, last": "READ_AT_ONCE", "ids, 1, n": "part of ids",
        "list, first, last": "two for each id of a group", "list, first - 1, last - 1": "as many",
        "args, 1, 2 * n": "two for each id of a group", "COUNTERS": "a constant", "drawn, 1, taken": "part of ids",
        "keys": "one for each of a group, or a checked limit", "old": "part of keys", "started": "part of ids",
        "replaced": "part of a group", "ARGV, at + 1, at + n": "n is at most MAX_JOBS",
        "ARGV, 5, math.min(#ARGV, 1004": "cut there",
    ]

    @Test(arguments: all) func `nothing is unpacked that nobody has thought about the size of`(file: LuaFile) {
        for match in file.code.matches(of: /unpack\(([^)]*)\)/) {
            #expect(Self.bounds[String(match.1)] != nil, "unpack(\(match.1))")
        }
    }

    @Test(arguments: all) func `every range has a limit`(file: LuaFile) {
        for line in file.code.split(separator: "\n")
        where line.contains("BYSCORE'") && line.contains("call(") && !line.contains("ZREMRANGE") {
            #expect(line.contains("'LIMIT'"), "\(line)")
        }
        for match in file.code.matches(of: /'ZRANGE', [^\n]*/) {
            #expect(
                match.0.contains("'0', '0',") || match.0.contains("'LIMIT'") || match.0.contains("limit")
                    || match.0.contains("excess - 1") || match.0.contains("at_once - 1"),
                "\(match.0)")
        }
    }

    static let drains: Set = [
        "claim", "ack", "answer", "nack", "extend", "release", "reap", "promote", "cancel", "purge", "trim", "pause",
        "beat",
        "watch", "miss", "nudge", "tell", "expel", "look", "fsck", "configure", "reorder", "change", "once",
    ]

    @Test(arguments: LuaFile.scripts) func `a full server refuses what adds jobs, and lets everything else through`(
        file: LuaFile
    ) {
        switch file.name {
        case "enqueue", "redrive", "edit", "note", "learn": #expect(file.flags.isEmpty)
        case "show", "stats", "failures": #expect(file.flags == ["no-writes", "allow-oom"])
        default:
            #expect(Self.drains.contains(file.name))
            #expect(file.flags == ["allow-oom"])
        }
    }
}
