#!lua flags=allow-oom
--[[
  promote.lua: move scheduled jobs that are due to `ready`, and wake a node for them. Claims do the same on their way.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  limit, 1..1000

  Returns  {promoted, due in}: µs until the next scheduled job is due, 0 = more are due, -1 = none is scheduled
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "due"
--- @include "first"

local prefix, limit = KEYS[1], checked_limit(ARGV[1])
if not limit then
    return redis.error_reply('ERR STINT_ARGUMENTS promote: limit 1..1000')
end
local promoted = promote_due(prefix, now_us, now_ms, limit)
if promoted > 0 then
    mark(prefix)
end
return { promoted, first_in(prefix .. 'scheduled', now_us) }
