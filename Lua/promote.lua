#!lua flags=allow-oom
--[[
  promote.lua: move scheduled jobs that are due to `ready`, and wake a node for them. Claims do the same on their way.

  KEYS[1]  the queue's prefix, `stint:{queue}:`; all keys are built from it and share its hash tag
  ARGV[1]  limit, 1..1000
  ARGV[2]  consumer ID

  Returns  {promoted, due in}: µs until this consumer has to see to the next scheduled job, 0 = more are due, -1 = none
           is scheduled, or another consumer sees to it
  Cost     O(limit log N).
]]
--- @include "clock"
--- @include "limits"
--- @include "mark"
--- @include "order"
--- @include "due"
--- @include "first"
--- @include "alarm"

local prefix, limit, consumer = KEYS[1], checked_limit(ARGV[1]), ARGV[2]
if not limit or not consumer or consumer == '' then
    return redis.error_reply('ERR STINT_ARGUMENTS promote: limit 1..1000, consumer')
end
local order = queue_order(redis.call('HGET', prefix .. 'meta', 'settings'))
local promoted, due = promote_due(prefix, order, limit)
if promoted > 0 then
    mark(prefix)
    local settings = redis.call('HGET', prefix .. 'meta', 'settings')
    if settings then
        --- @include "events"
        tell(prefix, settings, 'due', 'ready', due)
    end
end
return { promoted, alarm_for(prefix, consumer, first_in(prefix .. 'scheduled', 1000, now_us), now_us) }
