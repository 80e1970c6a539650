--- @include "extras"

-- `history` tells of the last attempts of a job that ended in anything but an ack, the oldest first, each in a line:
-- "<kind> <ms> <token> <consumer ID> <error>". In the error a backslash is written as two, a line end as `\n`.
local MAX_ATTEMPTS, MAX_ERROR = 10, 300
local ESCAPES = { ['\\'] = '\\\\', ['\n'] = '\\n' }

-- `lease`: "<token>:<consumer ID>", that of the attempt.
local function note_attempt(prefix, id, kind, now_ms, lease, reason)
    note_extras(prefix, 'history')
    local history = prefix .. 'history'
    local lines = redis.call('HGET', history, id) or ''
    local _, count = string.gsub(lines, '\n', '')
    if count >= MAX_ATTEMPTS then
        lines = string.gsub(lines, '^[^\n]*\n', '')
    end
    local token, consumer = string.match(lease, '^(%d+):(.+)$')
    consumer = string.gsub(consumer or '-', '%s', '_')
    local text = string.gsub(string.sub(reason, 1, MAX_ERROR), '[\\\n]', ESCAPES)
    redis.call('HSET', history, id,
        string.format('%s%s %d %s %s ', lines, kind, now_ms, token or '0', consumer) .. text .. '\n')
end
