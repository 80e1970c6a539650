#!lua flags=allow-oom
--[[
  configure.lua: set or unset settings of a queue. What they mean is for the scripts that read them.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV     name, value, for each setting, at most 20; a value of '' = the default again. Names are lower case words,
           values have no `;`

  Returns  the settings before, as they stand in `meta`; '' = there were none.
  Cost     O(settings).
]]
local MAX_SETTINGS = 20

local call = redis.call
local meta, n = KEYS[1] .. 'meta', #ARGV / 2
if n < 1 or n > MAX_SETTINGS or n % 1 ~= 0 then
    return redis.error_reply('ERR STINT_ARGUMENTS configure: 1..20 pairs of name and value')
end
for i = 1, n do
    if not string.match(ARGV[2 * i - 1], '^[a-z_]+$') or string.find(ARGV[2 * i], ';', 1, true) then
        return redis.error_reply('ERR STINT_ARGUMENTS configure: malformed name or value, at argument ' .. 2 * i - 1)
    end
end

local before = call('HGET', meta, 'settings') or ''
local settings = ';' .. before
for i = 1, n do
    local name, value = ARGV[2 * i - 1], ARGV[2 * i]
    settings = string.gsub(settings, ';' .. name .. '=[^;]*', '')
    if value ~= '' then
        settings = settings .. name .. '=' .. value .. ';'
    end
end
settings = string.sub(settings, 2)
if settings == '' then
    call('HDEL', meta, 'settings')
else
    call('HSET', meta, 'settings', settings)
end
return before
