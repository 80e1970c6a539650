-- Writes every script of Lua/ with its includes expanded, as the Redis server sees it, into a directory.
-- usage: lua expand-lua.lua OUTPUT_DIRECTORY SCRIPT...
--
-- An include may define more than one script needs: that is the only warning that is switched off inside of one.

local output = assert(arg[1], "usage: expand-lua.lua OUTPUT_DIRECTORY SCRIPT...")

local function lines_of(path, user)
    local file = io.open(path)
    if not file then error(("%s includes %s, which does not exist"):format(user or "the command line", path), 0) end
    local lines = {}
    for line in file:lines() do lines[#lines + 1] = line end
    file:close()
    return lines
end

local function expand(path, directory, into, seen, stack)
    for _, line in ipairs(lines_of(path, stack[#stack])) do
        local name = line:match('^%s*%-%-%- @include "([^"]+)"%s*$')
        if not name then
            into[#into + 1] = line
        elseif not seen[name] then
            seen[name] = true
            stack[#stack + 1] = path
            into[#into + 1] = "-- luacheck: push ignore 211"
            expand(directory .. "/include/" .. name .. ".lua", directory, into, seen, stack)
            into[#into + 1] = "-- luacheck: pop"
            stack[#stack] = nil
        end
    end
end

for index = 2, #arg do
    local path = arg[index]
    local directory, name = path:match("^(.*)/([^/]+)$")
    local text = {}
    expand(path, directory, text, {}, {})
    local file = assert(io.open(output .. "/" .. name, "w"))
    file:write(table.concat(text, "\n"), "\n")
    file:close()
end
