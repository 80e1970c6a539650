-- The import rule: a target of Sources/ imports only targets of rows above its own, and of the outside modules only
-- those of its row. A new target needs a row here, at the place where it belongs.
-- usage: lua check-layers.lua (in the root of the repository)

local platform = "Darwin Glibc Musl"
local everywhere = "Foundation FoundationEssentials Synchronization"
local nio = "NIOCore NIOPosix"

-- name, outside modules, and, where not every row above is open: the targets that it may import
local rows = {
    { "CHiredis", "" },
    { "CRESP", "" },
    { "StintLua", "Crypto", "" },
    { "StintCore", "", "" },
    { "StintRedis", nio .. " NIOSSL NIOConcurrencyHelpers Logging DequeModule " .. platform, "CRESP" },
    { "StintLocal", "Subprocess System SystemPackage Logging " .. platform, "StintRedis" },
    { "StintStore", "NIOCore Logging " .. platform, "StintLua StintCore StintRedis" },
    { "StintRuntime", "NIOCore Logging DequeModule Metrics " .. platform, "StintCore StintRedis StintStore" },
    { "Stint", nio .. " Logging ServiceLifecycle Crypto Metrics " .. platform, "StintCore StintRedis StintStore StintRuntime" },
    { "StintTracing", "NIOCore Tracing", "StintCore StintRuntime Stint" },
    { "StintBench", nio .. " Logging Histogram " .. platform, "StintCore StintRedis StintStore StintRuntime Stint" },
    { "StintCLI", nio .. " Logging ServiceLifecycle ArgumentParser Crypto Subprocess System SystemPackage Dispatch "
        .. platform, "StintCore StintRedis StintLocal StintStore StintRuntime Stint StintBench" },
    { "StintTesting", nio .. " NIOSSL Logging Subprocess System SystemPackage Testing " .. platform,
        "StintCore StintRedis StintLocal StintStore StintRuntime Stint" },
}

local function words(text)
    local set = {}
    for word in text:gmatch("%S+") do set[word] = true end
    return set
end

local targets, above = {}, {}
for _, row in ipairs(rows) do
    local name, outside, open = row[1], row[2], row[3]
    targets[name] = { outside = words(everywhere .. " " .. outside), open = open and words(open) or {} }
    for target in pairs(targets[name].open) do
        assert(above[target], ("check-layers.lua: %s is not above %s"):format(target, name))
    end
    above[name] = true
end

local function output_of(command)
    local pipe = assert(io.popen(command))
    return function()
        local line = pipe:read("*l")
        if not line then pipe:close() end
        return line
    end
end

-- The module of an import line, with or without access level, attributes and import kind.
local kinds = words("struct class enum protocol func typealias var let")
local function imported(line)
    local before, rest = (" " .. line):match("^([%s%w@()_]*)%simport%s+(.*)$")
    if not before then return nil end
    local first, second = rest:match("^([%w_]+)%s*([%w_]*)")
    return kinds[first] and second or first
end

local failures = 0
local function fail(...)
    failures = failures + 1
    io.stderr:write(string.format(...), "\n")
end

for path in output_of("find Sources -name '*.swift' | sort") do
    local target = path:match("^Sources/([^/]+)/")
    local rule = targets[target]
    if not rule then
        fail("%s: the target %s has no row in scripts/check-layers.lua", path, target)
    else
        local number = 0
        for line in io.lines(path) do
            number = number + 1
            local module = imported(line)
            local allowed = not module or module == target or rule.open[module] or rule.outside[module]
            if not allowed then fail("%s:%d: %s must not import %s", path, number, target, module) end
        end
    end
end

os.exit(failures == 0 and 0 or 1)
