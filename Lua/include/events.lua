--- @include "settings"

-- Events: what happened to the jobs of a queue, for who listens. They are entries of the stream `events`, and are
-- written only while the setting `events=<how many to keep, about>` is there: the callers read the settings with what
-- they read anyway, and include this in the block that runs only when there are any.
-- One entry for all jobs to which the same happened in one call:
--   n    which event of the queue this is, from 1: a reader sees whether one is missing
--   e    what happened
--   to   the state that the jobs are in now; '' = they are gone, or where they were
--   by   consumer ID of who did it, '' = nobody in particular
--   t    token of the lease that began or ended: one for all jobs, or one for each; ''
--   why  a reason: of several the first
--   ids  the jobs
local MAX_EVENTS, MAX_WHY = 1000000, 200

local function tell(prefix, settings, event, to, ids, by, tokens, why)
    local keep = tonumber(setting(settings, 'events'))
    if not (keep and keep >= 1) then
        return
    end
    local n = redis.call('HINCRBY', prefix .. 'meta', 'events_total', '1')
    redis.call('XADD', prefix .. 'events', 'MAXLEN', '~', string.format('%d', math.min(keep, MAX_EVENTS)), '*',
        'n', string.format('%d', n), 'e', event, 'to', to, 'by', by or '', 't', tokens or '',
        'why', string.sub(why or '', 1, MAX_WHY), 'ids', table.concat(ids, ' '))
end

-- The same for jobs to which different things happened: `add` gathers them by event, state and consumer, and
-- `tell_all` tells.
local gathered

local function add(event, to, id, by, token, why)
    local key = event .. ' ' .. to .. ' ' .. (by or '')
    gathered = gathered or {}
    local group = gathered[key]
    if not group then
        group = { event, to, {}, by, {}, why, {} }
        gathered[key], gathered[#gathered + 1] = group, group
    end
    -- An id may stand in a call twice; what happened to it happened once.
    local ids, tokens, seen = group[3], group[5], group[7]
    if not seen[id] then
        seen[id], ids[#ids + 1], tokens[#tokens + 1] = true, id, token
    end
end

local function tell_all(prefix, settings)
    for _, group in ipairs(gathered or {}) do
        local tokens = group[5]
        local is_one = true
        for i = 2, #tokens do
            is_one = is_one and tokens[i] == tokens[1]
        end
        tell(prefix, settings, group[1], group[2], group[3], group[4],
            is_one and tokens[1] or table.concat(tokens, ' '), group[6])
    end
    gathered = nil
end
