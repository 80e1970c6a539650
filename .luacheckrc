-- Redis runs scripts in a sandbox of Lua 5.1 that has no files, no modules and no processes.
std = "lua51"
not_globals = { "io", "os", "require", "package", "module", "dofile", "loadfile", "print", "collectgarbage" }
read_globals = { "redis", "KEYS", "ARGV", "cjson", "cmsgpack", "bit", "struct" }
max_line_length = 120
-- An include's locals are upvalues of the script around it; a parameter of the same name is no mistake.
ignore = { "431" }
