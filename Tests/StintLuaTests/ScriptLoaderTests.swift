import StintLua
import Testing

struct ScriptLoaderTests {
    @Test func `an include is replaced by its fragment, once, where it is named first`() throws {
        let loader = ScriptLoader(files: [
            "main": "--- @include \"a\"\n--- @include \"b\"\nreturn 1", "a": "--- @include \"b\"\nlocal a",
            "b": "local b",
        ])
        #expect(try loader.expand("main") == "local b\nlocal a\nreturn 1")
    }

    @Test func `an include may stand inside a block`() throws {
        let loader = ScriptLoader(files: ["main": "if rare then\n    --- @include \"a\"\nend", "a": "local a"])
        #expect(try loader.expand("main") == "if rare then\nlocal a\nend")
    }

    @Test func `what only looks like an include is left alone`() throws {
        let text = "-- @include \"a\"\n--- @include a\n--- @include \"a\" -- why"
        #expect(try ScriptLoader(files: ["main": text]).expand("main") == text)
    }

    @Test func `a missing file is an error that names who wanted it`() {
        let loader = ScriptLoader(files: ["main": "--- @include \"a\"", "a": "--- @include \"b\""])
        #expect(throws: ScriptLoader.Failure.missing(name: "b", includedBy: ["main", "a"])) {
            try loader.expand("main")
        }
        #expect(throws: ScriptLoader.Failure.missing(name: "none", includedBy: [])) { try loader.expand("none") }
        #expect(
            "\(ScriptLoader.Failure.missing(name: "b", includedBy: ["main", "a"]))"
                == "no Lua file \"b\", included by main > a")
    }

    @Test(arguments: [
        (["main": "--- @include \"main\""], ["main", "main"]),
        (["main": "--- @include \"a\"", "a": "--- @include \"main\""], ["main", "a", "main"]),
        (
            ["main": "--- @include \"a\"", "a": "--- @include \"b\"", "b": "--- @include \"a\""],
            ["main", "a", "b", "a"]
        ),
    ])
    func `a circle of includes is an error that shows the circle`(files: [String: String], circle: [String]) {
        #expect(throws: ScriptLoader.Failure.circular(circle)) { try ScriptLoader(files: files).expand("main") }
    }
}
