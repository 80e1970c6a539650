--- @include "extras"

-- `tries` exists only for jobs that did not finish at the first try:
-- "<failures> <lapses> <ms of the last> <its reason>".
local MAX_REASON = 1000

local function read_tries(prefix, id)
    local text = redis.call('HGET', prefix .. 'tries', id)
    if not text then
        return 0, 0
    end
    local failures, lapses = string.match(text, '^(%d+) (%d+) ')
    return tonumber(failures) or 0, tonumber(lapses) or 0
end

local function write_tries(prefix, id, failures, lapses, now_ms, reason)
    note_extras(prefix, 'tries')
    redis.call('HSET', prefix .. 'tries', id,
        string.format('%d %d %d ', failures, lapses, now_ms) .. string.sub(reason, 1, MAX_REASON))
end
