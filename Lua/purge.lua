#!lua flags=allow-oom
--[[
  purge.lua: delete jobs of one state for good, some at a time. The caller repeats it until it returns 0.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  state: ready, scheduled, dead, done or cancelled (a leased job belongs to its holder: cancel it)
  ARGV[2]  limit, 1..1000

  Returns  how many were deleted.
  Writes   the record first: a prefix leaves ids without a record, which claim and fsck quarantine; nothing comes back.
  Cost     O(limit log N).
]]
--- @include "limits"
--- @include "finish"

local PURGEABLE = { ready = true, scheduled = true, dead = true, done = true, cancelled = true }

local prefix, state, limit = KEYS[1], ARGV[1], checked_limit(ARGV[2])
if not limit or not PURGEABLE[state] then
    return redis.error_reply('ERR STINT_ARGUMENTS purge: ready, scheduled, dead, done or cancelled, then limit 1..1000')
end
local ids
if state == 'done' then
    ids = redis.call('SPOP', prefix .. 'done_before', limit)
    if #ids == 0 then
        ids = redis.call('SPOP', prefix .. 'done', limit)
    end
else
    ids = redis.call('ZRANGE', prefix .. state, 0, limit - 1)
    if #ids > 0 then
        forget(prefix, ids)
        redis.call('ZREM', prefix .. state, unpack(ids))
    end
end
local settings = #ids > 0 and redis.call('HGET', prefix .. 'meta', 'settings')
if settings then
    --- @include "events"
    tell(prefix, settings, 'purged', '', ids)
end
return #ids
